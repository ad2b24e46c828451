namespace Macula.Actors.Load.Neighbours;

/// <summary>Runs that are not counted, until compilers and caches have done their work.</summary>
internal static class WarmUp
{
    /// <summary>How often at most.</summary>
    public const int Most = 8;

    private const double Steady = 0.1; // change from one run to the next

    /// <summary>Runs a measure until what it tells first no longer changes by a tenth.</summary>
    /// <param name="most">And no more often than this.</param>
    public static async Task RunAsync(IBench bench, TimeSpan time, int most, CancellationToken cancellationToken)
    {
        var last = double.NaN;
        for (var run = 1; run <= most; run++)
        {
            var first = double.NaN;
            await bench.RunAsync(
                time, (_, value, _) => first = double.IsNaN(first) ? value : first, cancellationToken).ConfigureAwait(false);
            if (Math.Abs(first - last) < Steady * last) return;
            last = first;
        }
    }
}
