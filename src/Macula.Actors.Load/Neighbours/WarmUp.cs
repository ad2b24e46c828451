namespace Macula.Actors.Load.Neighbours;

/// <summary>Runs that are not counted, until compilers and caches have done their work.</summary>
internal static class WarmUp
{
    private const int Least = 2, Most = 8;
    private const double Steady = 0.1; // change from one run to the next

    /// <summary>Runs a measure until what it tells first no longer changes by a tenth, 2 to 8 times.</summary>
    public static async Task RunAsync(IBench bench, TimeSpan time, CancellationToken cancellationToken)
    {
        var last = double.NaN;
        for (var run = 1; run <= Most; run++)
        {
            var first = double.NaN;
            await bench.RunAsync(
                time, (_, value, _) => first = double.IsNaN(first) ? value : first, cancellationToken).ConfigureAwait(false);
            if (run >= Least && Math.Abs(first - last) < Steady * last) return;
            last = first;
        }
    }
}
