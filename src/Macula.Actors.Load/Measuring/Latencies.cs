using System.Diagnostics;
using HdrHistogram;

namespace Macula.Actors.Load.Measuring;

/// <summary>Times of operations, to 3 digits, from 1 us to 10 minutes. Thread-safe.</summary>
/// <remarks>Of a paced load the time is taken from the instant at which an operation was due, not from when it was
/// sent: what the node held up counts in full (coordinated omission).</remarks>
public sealed class Latencies
{
    private static readonly double MicrosecondsPerTick = 1e6 / Stopwatch.Frequency;
    private static readonly long Longest = (long)TimeSpan.FromMinutes(10).TotalMicroseconds;

    // A concurrent histogram can be written by many, but not read meanwhile: percentiles then throw now and then.
    private readonly LongHistogram _times = new(1, Longest, 3);
    private readonly Lock _gate = new();

    /// <summary>How many were recorded.</summary>
    public long Count
    {
        get
        {
            lock (_gate) return _times.TotalCount;
        }
    }

    /// <summary>The longest; zero when there is none.</summary>
    public TimeSpan Max
    {
        get
        {
            lock (_gate) return Of(_times.TotalCount == 0 ? 0 : _times.GetMaxValue());
        }
    }

    /// <summary>Notes an operation that was due at <paramref name="due"/> and has ended now.</summary>
    /// <param name="due">From <see cref="Stopwatch.GetTimestamp"/>.</param>
    public void RecordSince(long due) => Record(Stopwatch.GetTimestamp() - due);

    /// <summary>Notes a time; what is out of range counts as the nearest within.</summary>
    public void Record(TimeSpan time) => Record((long)(time.TotalSeconds * Stopwatch.Frequency));

    /// <summary>Runs something and notes how long it took.</summary>
    internal async Task<T> TimeAsync<T>(Func<Task<T>> operation)
    {
        var begun = Stopwatch.GetTimestamp();
        var result = await operation().ConfigureAwait(false);
        RecordSince(begun);
        return result;
    }

    /// <summary>The time that so many percent did not exceed; zero when there is none.</summary>
    /// <param name="percent">0 to 100.</param>
    public TimeSpan At(double percent)
    {
        lock (_gate) return Of(_times.TotalCount == 0 ? 0 : _times.GetValueAtPercentile(percent));
    }

    private static TimeSpan Of(long microseconds) => TimeSpan.FromMicroseconds(microseconds);

    private void Record(long ticks)
    {
        var value = Math.Clamp((long)(ticks * MicrosecondsPerTick), 1, Longest);
        lock (_gate) _times.RecordValue(value);
    }
}
