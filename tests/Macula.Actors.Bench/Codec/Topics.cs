using BenchmarkDotNet.Attributes;
using Macula.Actors.PubSub;

namespace Macula.Actors.Bench.Codec;

/// <summary>Finding the subscribers of a topic; all but a few of the patterns are others'.</summary>
public class Topics
{
    private readonly TopicTrie<object> _trie = new(maxSegments: 64);
    private readonly List<object> _found = [];

    [Params(1_000, 100_000)]
    public int Patterns { get; set; }

    /// <summary>Nine in ten patterns name one topic, the rest have a wildcard.</summary>
    [GlobalSetup]
    public void Fill()
    {
        _trie.Add("home.room-500.temp"u8, new object());
        for (var i = 0; i < Patterns; i++)
        {
            var pattern = (i % 20) switch
            {
                0 => $"home.room-{i}.*",
                1 => $"site-{i}.**",
                _ => $"home.room-{i}.temp",
            };
            _trie.Add(System.Text.Encoding.UTF8.GetBytes(pattern), new object());
        }

        _trie.Add("home.*.temp"u8, new object());
        _trie.Add("home.**"u8, new object());
    }

    /// <summary>Four receivers: by name, by <c>*</c> twice, by <c>**</c>.</summary>
    [Benchmark]
    public int MatchFew()
    {
        _found.Clear();
        _trie.Match("home.room-500.temp"u8, _found);
        return _found.Count;
    }

    [Benchmark]
    public int MatchNone()
    {
        _found.Clear();
        _trie.Match("office.room-500.temp"u8, _found);
        return _found.Count;
    }
}
