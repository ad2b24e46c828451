using Macula.Actors.Load.Neighbours;

namespace Macula.Actors.Load.Tests.Neighbours;

public sealed class NeighbourResultsSpecs
{
    [Theory]
    [InlineData(new[] { 5.0 }, 5)]
    [InlineData(new[] { 9.0, 1, 5 }, 5)]
    [InlineData(new[] { 9.0, 1, 5, 6 }, 5.5)]
    public void The_median_of_the_runs_counts(double[] values, double median)
    {
        var results = new NeighbourResults();
        foreach (var value in values) results.Add("rate", "one", value, "1/s");
        results.Add("rate", "other", 1_000, "1/s");

        Assert.Equal(median, results.Median("rate", "one"));
        Assert.Null(results.Median("rate", "nobody"));
        Assert.Null(results.Median("time", "one"));
    }
}
