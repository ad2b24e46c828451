using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Tests;

/// <summary>What an hour of made-up readings says, one a second.</summary>
public sealed class GrowthSpecs
{
    private const string Live = "live managed memory", Managed = "managed memory, garbage included";
    private const string NativeLive = "live native memory", Native = "native memory, resident less committed";
    private const int Seconds = 3000, Collection = 500;
    private const long Mega = 1_000_000;

    [Fact]
    public void What_is_as_large_as_ever_has_not_grown()
    {
        var found = Of(_ => 20 * Mega, second => (30 * Mega) + Noise(second));

        Assert.Equal([Live, Managed, NativeLive, Native, "resident memory", "handles"], found.Select(each => each.What));
        Assert.InRange(The(found, Live).Percent, -0.01, 0.01);
        Assert.InRange(The(found, NativeLive).Percent, -0.5, 0.5);
        Assert.Equal((40, 40), (The(found, "handles").First, The(found, "handles").Last));
        Assert.Equal(
            [Live, NativeLive, "resident memory", "handles"], found.Where(each => each.IsPromised).Select(each => each.What));
    }

    [Fact]
    public void Two_percent_an_hour_are_seen_under_the_garbage()
    {
        var found = Of(second => Grown(20 * Mega, second), second => Grown(30 * Mega, second) + Noise(second));

        Assert.InRange(The(found, Live).Percent, 1.9, 2.1);
        Assert.InRange(The(found, NativeLive).Percent, 1.5, 2.5);
        Assert.InRange(The(found, Live).Last - The(found, Live).First, 0.2 * Mega, 0.4 * Mega);
    }

    [Fact]
    public void What_was_live_before_the_first_collection_of_the_time_does_not_count()
    {
        var found = Of(second => second < Collection ? 10 * Mega : 20 * Mega, _ => 30 * Mega);

        Assert.InRange(The(found, Live).First, 20 * Mega, (20 * Mega) + 1);
        Assert.InRange(The(found, Live).Percent, -0.01, 0.01);
    }

    [Fact]
    public void Without_the_sharper_figures_the_others_are_promised()
    {
        var found = Of(_ => 0, _ => 0);

        Assert.Equal([Managed, Native, "resident memory", "handles"], found.Select(each => each.What));
        Assert.All(found, each => Assert.True(each.IsPromised));
    }

    [Theory]
    [InlineData(1400, 1600)] // two
    [InlineData(0, 1100)] // three, within less than half of the time
    public void Too_few_collections_say_nothing_of_an_hour(int from, int to)
    {
        var found = Of(second => (20 * Mega) + Math.Clamp((second - from) / ((to - from) / 2) * 1000, 0, 2000), _ => 0, step: 1);

        Assert.DoesNotContain(found, each => each.What == Live);
        Assert.True(The(found, Managed).IsPromised);
    }

    [Fact]
    public void Of_a_node_that_tells_nothing_there_is_nothing_to_say()
    {
        Assert.Empty(Growth.Of([]));
        Assert.Empty(Growth.Of([new NodeSample(TimeSpan.Zero, new Dictionary<string, TableFigures>(), null, null)]));
    }

    // Each collection finds a few bytes more or less.
    private static IReadOnlyList<Growth> Of(Func<int, long> live, Func<int, long> native, int step = Collection) => Growth.Of(
    [
        .. Enumerable.Range(0, Seconds).Select(second =>
        {
            var left = live(second / step * step);
            if (left > 0 && step > 1) left += second / step % 2;
            return new NodeSample(
                TimeSpan.FromSeconds(second), new Dictionary<string, TableFigures>(),
                new MemoryFigures(
                    (25 * Mega) + Noise(second), 60 * Mega, 150 * Mega, 90 * Mega, 40, 20, 1, [9, 3, 1], left, native(second)),
                null);
        }),
    ]);

    private static long Grown(long bytes, int second) => (long)(bytes * (1 + (0.02 * second / 3600)));

    // Up to 32 MB, from a sawtooth of 61 s, as garbage is.
    private static long Noise(int second) => second % 61 * (32 * Mega / 61);

    private static Growth The(IReadOnlyList<Growth> all, string what) => Assert.Single(all, each => each.What == what);
}
