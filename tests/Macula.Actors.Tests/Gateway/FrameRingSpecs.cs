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
            var ring = new FrameRing();
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

                Assert.Equal(model.Count, ring.Count);
            }

            foreach (var (name, _) in model)
            {
                Assert.True(ring.TryDequeue(out var frame));
                Assert.Equal(name, frame.Length);
            }

            Assert.False(ring.TryDequeue(out _));
        });
    }
}
