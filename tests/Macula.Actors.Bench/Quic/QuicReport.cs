using System.Globalization;
using System.Text.Json;
using Side = System.Collections.Generic.Dictionary<string, Macula.Actors.Bench.Quic.Figure>;

namespace Macula.Actors.Bench.Quic;

/// <summary>The medians of all runs. A ratio is that of the same run, turned so that above 1 ours is better.</summary>
internal sealed class QuicReport(Measurement measurement)
{
    private readonly List<(Side Ours, Side Raw, Side Tls)> _runs = [];

    public static string Header =>
        """
        | | ours | library alone | ratio | SslStream | ratio | goal |
        |---|--:|--:|--:|--:|--:|---|
        """;

    public async Task RunAsync() => _runs.Add((
        await SideAsync(measurement.Ours), await SideAsync(measurement.Raw), await SideAsync(measurement.Tls)));

    public IEnumerable<string> Rows() => Figures().Select(row => string.Create(
        CultureInfo.InvariantCulture,
        $"| {row.Name} | {Text(row.Ours)} | {Text(row.Raw)} | {row.OfRaw:0.00} | {Text(row.Tls)} | {row.OfTls:0.00} | "
        + $"{GoalText(row)} |").Replace("|  |", "| |", StringComparison.Ordinal));

    public IEnumerable<string> Json() => Figures().Select(row => JsonSerializer.Serialize(new
    {
        name = row.Name,
        ours = row.Ours?.Value,
        raw = row.Raw?.Value,
        of_raw = row.OfRaw,
        tls = row.Tls?.Value,
        of_tls = row.OfTls,
        goal = GoalText(row),
    }));

    private static async Task<Side> SideAsync(Func<Task<IReadOnlyList<Figure>>>? measure) =>
        measure is null ? [] : (await measure()).ToDictionary(figure => figure.Name);

    private IEnumerable<Row> Figures() => _runs[0].Ours.Keys.Select(name =>
    {
        var runs = _runs.Select(run => (Ours: Of(run.Ours, name), Raw: Of(run.Raw, name), Tls: Of(run.Tls, name)));
        var all = runs.ToList();
        return new Row(
            $"{measurement.Name}: {name}", Median(all.Select(run => run.Ours)), Median(all.Select(run => run.Raw)),
            Median(all.Select(run => Ratio(run.Ours, run.Raw))), Median(all.Select(run => run.Tls)),
            Median(all.Select(run => Ratio(run.Ours, run.Tls))), measurement.Goals.GetValueOrDefault(name));
    });

    private static Figure? Of(Side side, string name) => side.TryGetValue(name, out var figure) ? figure : null;

    private static double? Ratio(Figure? ours, Figure? theirs) => (ours, theirs) switch
    {
        ({ } mine, { } other) => mine.MoreIsBetter ? mine.Value / other.Value : other.Value / mine.Value,
        _ => null,
    };

    private static Figure? Median(IEnumerable<Figure?> figures)
    {
        var known = figures.OfType<Figure>().ToList();
        return known is [] ? null : known[0] with { Value = Median(known.Select(each => (double?)each.Value))!.Value };
    }

    private static double? Median(IEnumerable<double?> values)
    {
        double[] sorted = [.. values.OfType<double>().Order()];
        return sorted is [] ? null : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Text(Figure? figure) =>
        figure is { } known ? known.Value.ToString(known.Format, CultureInfo.InvariantCulture) : "cannot";

    private static string GoalText(Row row)
    {
        List<string> goals = [];
        Add("library", row.Goal?.OfRaw, row.OfRaw);
        Add("SslStream", row.Goal?.OfTls, row.OfTls);
        if (row.Goal?.Most is { } most)
            goals.Add(string.Create(
                CultureInfo.InvariantCulture, $"at most {most}: {(row.Ours?.Value <= most ? "met" : "missed")}"));
        return string.Join(", ", goals);

        void Add(string of, double? goal, double? ratio)
        {
            if (goal is { } least)
                goals.Add(string.Create(
                    CultureInfo.InvariantCulture, $"{least} of {of}: {(ratio >= least ? "met" : "missed")}"));
        }
    }

    private sealed record Row(
        string Name, Figure? Ours, Figure? Raw, double? OfRaw, Figure? Tls, double? OfTls, Goal? Goal);
}
