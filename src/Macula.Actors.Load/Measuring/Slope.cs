namespace Macula.Actors.Load.Measuring;

/// <summary>The straight line that fits a series best (least squares).</summary>
internal static class Slope
{
    /// <summary>Growth of the value per hour; 0 for fewer than two instants.</summary>
    public static double PerHour(IReadOnlyList<(TimeSpan At, double Value)> series)
    {
        if (series.Count < 2) return 0;
        var (meanAt, meanValue) = (series.Average(each => each.At.TotalHours), series.Average(each => each.Value));
        var spread = series.Sum(each => Math.Pow(each.At.TotalHours - meanAt, 2));
        return spread == 0
            ? 0
            : series.Sum(each => (each.At.TotalHours - meanAt) * (each.Value - meanValue)) / spread;
    }
}
