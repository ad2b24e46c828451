using System.Diagnostics;

namespace Macula.Actors.Bench.Concerns;

/// <summary>What one run of a benchmark took.</summary>
/// <param name="Time">All of it.</param>
/// <param name="P50">Of a single operation from telling to its answer; where all of them are one event, such as the
/// death of many, the time until half of it was done.</param>
/// <param name="P99">The same for 99 in 100.</param>
/// <param name="Cpu">CPU time of the process meanwhile: what a busy machine does not change as much.</param>
internal sealed record Sample(TimeSpan Time, TimeSpan P50, TimeSpan P99, TimeSpan Cpu)
{
    public static Sample Of(Clock clock, TimeSpan[] each)
    {
        var (time, cpu) = clock.Elapsed;
        Array.Sort(each);
        return new Sample(time, each[each.Length / 2], each[(int)(each.Length * 0.99)], cpu);
    }
}

/// <summary>Runs from where it is made.</summary>
internal readonly struct Clock()
{
    private readonly TimeSpan _cpu = Environment.CpuUsage.TotalTime;
    private readonly long _start = Stopwatch.GetTimestamp();

    public (TimeSpan Time, TimeSpan Cpu) Elapsed =>
        (Stopwatch.GetElapsedTime(_start), Environment.CpuUsage.TotalTime - _cpu);

    public TimeSpan Time => Stopwatch.GetElapsedTime(_start);
}

/// <summary>Something to measure.</summary>
/// <param name="Name">Fixed: others compare by it.</param>
/// <param name="N">Operations.</param>
/// <param name="Reference">Operations a second of the reference, or null where it has no such figure.</param>
/// <param name="Goal">The least multiple of the reference that we want.</param>
/// <param name="Run">Sets up, then measures once.</param>
internal sealed record Benchmark(string Name, int N, double? Reference, double Goal, Func<Bed, Task<Sample>> Run);
