using CsCheck;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests.Gateway;

public sealed class FrameRingSpecs
{
    [Fact]
    public void It_does_what_a_list_would_do()
    {
        Gen.Int[0, 3].Array[1, 80].Sample(steps =>
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
