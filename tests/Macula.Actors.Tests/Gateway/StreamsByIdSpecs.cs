using CsCheck;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Gateway;

public sealed class StreamsByIdSpecs
{
    [Fact]
    public void It_does_what_a_dictionary_would_do()
    {
        Gen.Select(Gen.Int[0, 1], Gen.Long[0, 4]).Array[1, 60].Sample(steps =>
        {
            var streams = new StreamsById<string>();
            Dictionary<long, string> model = [];
            foreach (var (step, id) in steps)
            {
                if (step == 0)
                {
                    model.Remove(id, out var expected);
                    Assert.Equal(expected, streams.Remove(id));
                }
                else if (model.TryAdd(id, $"{id}")) streams.Add(id, $"{id}");
                else Assert.Throws<ArgumentException>(() => streams.Add(id, "another"));

                Assert.Equal(model.Count, streams.Count);
                Assert.Equal(model.Values.Order(), streams.All.Order());
                for (var each = 0; each < 5; each++) Assert.Equal(model.GetValueOrDefault(each), streams.Find(each));
            }

            streams.Clear();
            Assert.Empty(streams.All);
        });
    }
}
