using System.Diagnostics;

namespace Macula.Actors.Load.Scenarios;

/// <summary>A part of a scenario, for those who watch. Thread-safe.</summary>
/// <param name="name">What is done.</param>
/// <param name="total">How much of it; 0 when it is not known, or when it is a matter of time.</param>
/// <param name="time">How long it takes; zero when it is a matter of work.</param>
internal sealed class Phase(string name, long total, TimeSpan time)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _count;

    public string Name => name;

    public long Count => Interlocked.Read(ref _count);

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    public long Done => time > TimeSpan.Zero ? Math.Min((long)Elapsed.TotalMilliseconds, Total) : Count;

    public long Total => time > TimeSpan.Zero ? (long)time.TotalMilliseconds : total;

    public void Add(long count = 1) => Interlocked.Add(ref _count, count);
}
