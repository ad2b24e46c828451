using System.Diagnostics;
using HdrHistogram;

namespace Macula.Actors.Bench.Wire;

/// <summary>Counts and times operations between two instants: after a warm-up, for so long.</summary>
internal sealed class Meter(INode? node, WireOptions options)
{
    private readonly LongConcurrentHistogram _times = new(1, TimeSpan.FromMinutes(2).Ticks * 100, 3); // ns
    private volatile bool _measuring;

    /// <summary>Notes an operation that ends now.</summary>
    /// <param name="start">From <see cref="Stopwatch.GetTimestamp"/>.</param>
    public void Record(long start)
    {
        if (_measuring) _times.RecordValue(Math.Max(1, (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds));
    }

    /// <summary>Runs the load until it has been measured, then tells it to stop and waits for it.</summary>
    public async Task<Measured> RunAsync(Func<CancellationToken, Task> load)
    {
        using var stop = new CancellationTokenSource();
        var running = load(stop.Token);
        if (await Task.WhenAny(running, Task.Delay(options.WarmUp)) == running) await running; // throws what it threw

        var (nodeBefore, ownBefore, start) = (node?.Usage(), Usage.Own(), Stopwatch.GetTimestamp());
        _measuring = true;
        await Task.WhenAny(running, Task.Delay(options.Time));
        _measuring = false;
        var (time, own, after) = (Stopwatch.GetElapsedTime(start), Usage.Own(), node?.Usage());

        await stop.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(20));
        return Measured.From(_times, time, after?.Cpu - nodeBefore?.Cpu, own.Cpu - ownBefore.Cpu, after?.Memory);
    }

    /// <summary>Measures a fixed amount of work, without warm-up.</summary>
    public async Task<Measured> RunOnceAsync(Func<Task> work)
    {
        var (nodeBefore, ownBefore, start) = (node?.Usage(), Usage.Own(), Stopwatch.GetTimestamp());
        _measuring = true;
        await work();
        var (time, own, after) = (Stopwatch.GetElapsedTime(start), Usage.Own(), node?.Usage());
        return Measured.From(_times, time, after?.Cpu - nodeBefore?.Cpu, own.Cpu - ownBefore.Cpu, after?.Memory);
    }
}

/// <summary>The figures of one scenario.</summary>
/// <param name="Count">Operations.</param>
/// <param name="Rate">Operations a second.</param>
/// <param name="P50">Median time of one, microseconds; and so on.</param>
/// <param name="NodeCpu">CPU time of the serving process per operation, microseconds.</param>
/// <param name="OwnCpu">CPU time of this process, all clients, per operation, microseconds.</param>
/// <param name="NodeCores">Cores that the serving process kept busy.</param>
/// <param name="NodeMemory">Its resident set afterwards, MiB.</param>
internal sealed record Measured(
    long Count, double Rate, double P50, double P99, double Max, double? NodeCpu, double OwnCpu, double? NodeCores,
    double? NodeMemory)
{
    public static Measured From(
        HistogramBase times, TimeSpan time, TimeSpan? nodeCpu, TimeSpan ownCpu, long? nodeMemory)
    {
        var count = Math.Max(1, times.TotalCount);
        return new Measured(
            times.TotalCount,
            times.TotalCount / time.TotalSeconds,
            times.GetValueAtPercentile(50) / 1e3,
            times.GetValueAtPercentile(99) / 1e3,
            times.GetMaxValue() / 1e3,
            nodeCpu?.TotalMicroseconds / count,
            ownCpu.TotalMicroseconds / count,
            nodeCpu / time,
            nodeMemory / (1024.0 * 1024));
    }

    /// <summary>The median of each figure.</summary>
    public static Measured Median(IReadOnlyList<Measured> runs) => new(
        (long)Of(runs, run => run.Count)!.Value,
        Of(runs, run => run.Rate)!.Value,
        Of(runs, run => run.P50)!.Value,
        Of(runs, run => run.P99)!.Value,
        Of(runs, run => run.Max)!.Value,
        Of(runs, run => run.NodeCpu),
        Of(runs, run => run.OwnCpu)!.Value,
        Of(runs, run => run.NodeCores),
        Of(runs, run => run.NodeMemory));

    public static double? Of<T>(IReadOnlyList<T> runs, Func<T, double?> value)
    {
        double[] sorted = [.. runs.Select(value).OfType<double>().Order()];
        return sorted is [] ? null : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
