using System.Globalization;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Reporting;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Scenarios;

/// <summary>One run of a scenario: the node, the sizes, and where it tells what came out.</summary>
internal sealed class ScenarioRun(
    LoadOptions options, Dial dial, NodeProbe probe, NodeSampler node, OwnNode? own, Seeded seeded)
{
    private readonly SortedDictionary<string, string> _sizes = new(StringComparer.Ordinal);
    private readonly List<Verdict> _verdicts = [];
    private readonly List<Figure> _figures = [];
    private readonly List<LatencyFigures> _latencies = [];

    public Dial Dial => dial;

    public NodeSampler Node => node;

    public Seeded Seeded => seeded;

    public LoadOptions Options => options;

    /// <summary>Null when the node was given.</summary>
    public OwnNode? Own => own;

    /// <summary>The certificate of the node, for workers.</summary>
    public string Fingerprint => probe.Fingerprint;

    /// <summary>Whether sizes are the full ones, for which the goals are meant.</summary>
    public bool IsFullSize => options.Scale >= 1;

    public Phase Phase { get; private set; } = new("starting", 0, TimeSpan.Zero);

    public IReadOnlyDictionary<string, string> Sizes => _sizes;

    public IReadOnlyList<Verdict> Verdicts => _verdicts;

    public IReadOnlyList<Figure> Figures => _figures;

    public IReadOnlyList<LatencyFigures> Latencies => _latencies;

    /// <summary>A size, scaled, at least <paramref name="least"/>; it is told in the report.</summary>
    public int Size(string name, int full, int least = 1)
    {
        var scaled = Scaled(options, full, least);
        _sizes[name] = scaled.ToString("N0", CultureInfo.InvariantCulture);
        return scaled;
    }

    /// <summary>A size that is not scaled.</summary>
    public int Fixed(string name, int value)
    {
        _sizes[name] = value.ToString("N0", CultureInfo.InvariantCulture);
        return value;
    }

    /// <summary>How long a phase takes: as asked for, or <paramref name="full"/>.</summary>
    public TimeSpan Time(string name, TimeSpan full)
    {
        var time = options.Time ?? full;
        _sizes[name] = Text(time);
        return time;
    }

    public static int Scaled(LoadOptions options, int full, int least = 1) =>
        Math.Max(least, (int)Math.Round(full * options.Scale));

    public Phase Begin(string name, long total = 0) => Phase = new Phase(name, total, TimeSpan.Zero);

    public Phase Begin(string name, TimeSpan time) => Phase = new Phase(name, 0, time);

    public void Judge(string name, string expected, string measured, bool passed, bool isGoal = false) =>
        _verdicts.Add(new Verdict(name, expected, measured, passed, isGoal));

    public void Exactly(string name, long expected, long measured) =>
        Judge(name, Text(expected), Text(measured), measured == expected);

    public void AtMost(string name, TimeSpan limit, TimeSpan measured) =>
        Judge(name, $"at most {Text(limit)}", Text(measured), measured <= limit);

    /// <param name="format">Of the number, such as <c>0.00 times</c>.</param>
    public void AtMost(string name, double limit, double measured, string format, bool isGoal = false) =>
        _verdicts.Add(new Verdict(
            name, $"at most {Text(limit, format)}", Text(measured, format), measured <= limit, isGoal));

    public void AtLeast(string name, double limit, double measured, string format, bool isGoal = false) =>
        _verdicts.Add(new Verdict(
            name, $"at least {Text(limit, format)}", Text(measured, format), measured >= limit, isGoal));

    public void Figure(string name, double value, string unit = "") => _figures.Add(new Figure(name, value, unit));

    public void Latency(string name, Latencies times) => _latencies.Add(new LatencyFigures(
        name, times.Count, times.At(50).TotalMicroseconds, times.At(90).TotalMicroseconds,
        times.At(99).TotalMicroseconds, times.At(99.9).TotalMicroseconds, times.Max.TotalMicroseconds));

    /// <summary>Waits until a table has exactly so many entries, and judges that it has.</summary>
    public async Task<NodeSample> ExpectAsync(
        string name, TimeSpan patience, CancellationToken cancellationToken, params (string Table, long Size)[] tables)
    {
        var last = await node.UntilAsync(
            sample => tables.All(each => sample.Size(each.Table) == each.Size), patience, cancellationToken)
            .ConfigureAwait(false);
        Judge(
            name, string.Join(", ", tables.Select(each => $"{each.Table} {Text(each.Size)}")) + $" within {Text(patience)}",
            string.Join(", ", tables.Select(each => $"{each.Table} {Text(last.Size(each.Table))}")),
            tables.All(each => last.Size(each.Table) == each.Size));
        return last;
    }

    internal static string Text(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    internal static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);

    internal static string Text(TimeSpan time) => time switch
    {
        { TotalMilliseconds: < 1 } => Text(time.TotalMicroseconds, "0 'us'"),
        { TotalSeconds: < 1 } => Text(time.TotalMilliseconds, "0.# 'ms'"),
        { TotalMinutes: < 2 } => Text(time.TotalSeconds, "0.## 's'"),
        _ => Text(time.TotalMinutes, "0.# 'min'"),
    };
}
