using CsCheck;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests.Gateway;

public sealed class FrameRingSpecs
{
    [Fact]
    public void It_does_what_a_list_would_do()
    {
        Gen.Int[0, 5].Array[1, 80].Sample(steps =>
        {
            var (ring, most) = (new FrameRing(), 0);
            List<(int Name, bool Droppable)> model = [];
            for (var i = 0; i < steps.Length; i++)
            {
                switch (steps[i])
                {
                    case 0 or 1:
                        ring.Enqueue(new byte[i + 1], droppable: steps[i] == 0);
                        model.Add((i + 1, steps[i] == 0));
                        break;
                    case 2:
                        Assert.Equal(model.Count > 0, ring.TryDequeue(out var frame));
                        if (model.Count == 0) break;
                        Assert.Equal(model[0].Name, frame.Length);
                        model.RemoveAt(0);
                        break;
                    case 4:
                        var (frames, enough) = (i % 3, i % 40);
                        var gone = model.Where(each => each.Droppable).ToList();
                        while (gone.Count > 0
                            && gone.Count > frames && gone.Take(gone.Count - 1).Sum(each => each.Name) >= enough)
                            gone.RemoveAt(gone.Count - 1);
                        Assert.Equal((gone.Count, gone.Sum(each => (long)each.Name)), ring.DropOldest(frames, enough));
                        model = [.. model.Except(gone)];
                        break;
                    default:
                        var at = model.FindIndex(each => each.Droppable);
                        Assert.Equal(at >= 0, ring.TryDropOldest(out var bytes));
                        if (at < 0) break;
                        Assert.Equal(model[at].Name, bytes);
                        model.RemoveAt(at);
                        break;
                }

                most = Math.Max(most, model.Count);
                Assert.Equal(model.Count, ring.Count);
                Assert.InRange(ring.Places, model.Count, 4 * most); // gaps make it grow no further
            }

            foreach (var (name, _) in model)
            {
                Assert.True(ring.TryDequeue(out var frame));
                Assert.Equal(name, frame.Length);
            }

            Assert.False(ring.TryDequeue(out _));
        });
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 1000)]
    [InlineData(1000, 1)]
    [InlineData(30, 1000)]
    public void Dropping_the_oldest_takes_a_few_steps_however_many_wait_that_may_not_be_dropped(int droppable, int others)
    {
        const int Times = 100_000;
        var ring = new FrameRing();
        for (var i = 0; i < others; i++) ring.Enqueue(new byte[1], droppable: false);
        for (var i = 0; i < droppable; i++) ring.Enqueue(new byte[2], droppable: true);
        var frame = new byte[2];
        for (var i = 0; i < Times; i++)
        {
            Assert.True(ring.TryDropOldest(out var bytes));
            Assert.Equal(2, bytes);
            ring.Enqueue(frame, droppable: true);
        }

        Assert.InRange(ring.Steps, 0, 4 * Times);
        Assert.InRange(ring.Places, others + droppable, 4 * (others + droppable));
    }

    [Fact]
    public void One_that_nothing_was_queued_in_has_no_places() => Assert.Equal(0, new FrameRing().Places);
}
