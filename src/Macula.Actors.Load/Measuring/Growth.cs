using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Measuring;

/// <summary>How fast something that the node holds grew.</summary>
/// <param name="What">Such as <c>live managed memory</c>.</param>
/// <param name="Percent">Of its mean, an hour.</param>
/// <param name="First">At the first instant that counts.</param>
/// <param name="Last">At the last instant that counts.</param>
/// <param name="Unit">Of those two; empty for a count.</param>
/// <param name="IsPromised">Whether it must not grow; else it is only told, since something sharper is.</param>
internal sealed record Growth(string What, double Percent, double First, double Last, string Unit, bool IsPromised)
{
    private const int Parts = 12; // of the time, for the least of each
    private const int LeastCollections = 3;

    /// <summary>What the readings tell; nothing of what no reading has a figure of.</summary>
    /// <param name="samples">In order, after the warm-up.</param>
    public static IReadOnlyList<Growth> Of(IReadOnlyList<NodeSample> samples)
    {
        var live = Collected(samples);
        var knowsNative = samples.Any(each => each.Memory is { NativeLive: > 0 });
        List<Growth?> all =
        [
            From("live managed memory", live, "B", true),
            From("managed memory, garbage included", Least(samples, each => each.Memory?.Managed ?? 0), "B", live.Count == 0),
            From("live native memory", Least(samples, each => each.Memory?.NativeLive ?? 0), "B", true),
            From("native memory, resident less committed", Least(samples, each => each.Memory?.Native ?? 0), "B", !knowsNative),
            From("resident memory", Least(samples, each => each.Resident), "B", true),
            From("handles", Least(samples, each => each.Memory?.Handles ?? 0), "", true),
        ];
        return [.. all.OfType<Growth>()];
    }

    private static Growth? From(string what, List<(TimeSpan At, double Value)> series, string unit, bool isPromised)
    {
        var mean = series.Select(each => each.Value).DefaultIfEmpty().Average();
        return mean == 0
            ? null
            : new Growth(what, 100 * Slope.PerHour(series) / mean, series[0].Value, series[^1].Value, unit, isPromised);
    }

    // The least of each part of the time: what is garbage today is gone tomorrow, and what stays is growth.
    private static List<(TimeSpan At, double Value)> Least(IReadOnlyList<NodeSample> samples, Func<NodeSample, double> value) =>
        [.. samples.Chunk(Math.Max(1, samples.Count / Parts)).Select(part => part.MinBy(value)!).Select(each => (each.At, value(each)))];

    // The value when it changes: between two collections it says nothing new, and the first is from before the warm-up was
    // over. There is no garbage in it, so that there is no least to look for. None when there are too few, or too close
    // together, to tell of an hour.
    private static List<(TimeSpan At, double Value)> Collected(IReadOnlyList<NodeSample> samples)
    {
        List<(TimeSpan At, double Value)> changes =
        [
            .. samples.Zip(samples.Skip(1)).Where(each => each.Second.Memory is { Live: > 0 } now && now.Live != each.First.Memory?.Live)
                .Select(each => (each.Second.At, (double)each.Second.Memory!.Live)),
        ];
        return changes.Count >= LeastCollections && changes[^1].At - changes[0].At >= (samples[^1].At - samples[0].At) / 2
            ? changes
            : [];
    }
}
