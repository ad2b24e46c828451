using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Macula.Actors.Bench.Wire;

/// <summary>The figures of all runs, as a table of medians and as JSON.</summary>
internal sealed class Report(WireOptions options)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly List<(Scenario Scenario, List<Measured> Runs)> _rows = [];

    public void Add(Scenario scenario, Measured measured)
    {
        var row = _rows.Find(each => each.Scenario.Name == scenario.Name);
        if (row.Runs is null) _rows.Add(row = (scenario, []));
        row.Runs.Add(measured);
    }

    /// <summary>Markdown. "of plain" is against the plain scenario of the same run: its share of the rate, the multiple
    /// of its median time.</summary>
    public string Table()
    {
        var table = new StringBuilder()
            .Append("| scenario | /s | p50 | p99 | rate of plain | p50 of plain ")
            .AppendLine("| node CPU each | node cores | clients CPU each | node RSS |")
            .AppendLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var (scenario, runs) in _rows)
        {
            var median = Measured.Median(runs);
            string[] cells =
            [
                scenario.Name,
                median.Rate.ToString("N0", CultureInfo.InvariantCulture),
                Time(median.P50),
                Time(median.P99),
                OfPlain(scenario, runs, each => each.Rate),
                OfPlain(scenario, runs, each => each.P50),
                median.NodeCpu is { } cpu ? Time(cpu) : "",
                Text(median.NodeCores, "0.00"),
                Time(median.OwnCpu),
                Text(median.NodeMemory, "0 MiB"),
            ];
            table.Append("| ").AppendJoin(" | ", cells).AppendLine(" |");
        }

        return table.ToString();
    }

    public string Json() => JsonSerializer.Serialize(
        new
        {
            date = DateTimeOffset.UtcNow,
            machine = RuntimeInformation.OSDescription,
            cores = Environment.ProcessorCount,
            runtime = RuntimeInformation.FrameworkDescription,
            provider = options.Provider,
            in_process = options.InProcess,
            seconds = options.Time.TotalSeconds,
            size = options.Size,
            scenarios = _rows.Select(row => new
            {
                name = row.Scenario.Name,
                unit = row.Scenario.Unit,
                median = Measured.Median(row.Runs),
                runs = row.Runs,
            }),
        },
        Indented);

    private string OfPlain(Scenario scenario, List<Measured> runs, Func<Measured, double> value)
    {
        var plain = _rows.Find(each => each.Scenario.Name == scenario.Plain).Runs;
        if (plain is null) return "";
        double?[] ratios = [.. runs.Zip(plain, (mine, theirs) => value(mine) / value(theirs))];
        return Text(Measured.Of(ratios, ratio => ratio), "0.00");
    }

    private static string Time(double microseconds) => microseconds switch
    {
        < 100 => microseconds.ToString("N1", CultureInfo.InvariantCulture) + " us",
        < 10_000 => microseconds.ToString("N0", CultureInfo.InvariantCulture) + " us",
        _ => (microseconds / 1000).ToString("N1", CultureInfo.InvariantCulture) + " ms",
    };

    private static string Text(double? value, string format) =>
        value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
