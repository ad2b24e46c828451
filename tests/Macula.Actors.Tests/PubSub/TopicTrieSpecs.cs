using System.Text;
using System.Text.Json;
using CsCheck;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.PubSub;

public sealed class TopicTrieSpecs
{
    private readonly TopicTrie<string> _trie = new();

    [Fact]
    public void It_matches_what_the_reference_gateway_matches()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "vectors", "topics.json");
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(path));
        var rows = vectors.RootElement.GetProperty("vectors").EnumerateArray().ToList();
        Assert.NotEmpty(rows);
        foreach (var row in rows)
        {
            var (pattern, topic) = (row.GetProperty("pattern").GetString()!, row.GetProperty("topic").GetString()!);
            var trie = new TopicTrie<string>();
            trie.Add(Utf8(pattern), "s");

            Assert.True(
                row.GetProperty("gateway").GetBoolean() == Match(trie, topic).Count > 0, $"{pattern} on {topic}");
        }
    }

    [Fact]
    public void It_finds_what_a_comparison_with_each_pattern_finds()
    {
        var text = OneOf("a", "b", "", "*", "**", "#").Array[1, 6].Select(parts => string.Join('.', parts));
        Gen.Select(text.Array[1, 12], text).Sample((patterns, topic) =>
        {
            var trie = new TopicTrie<string>();
            for (var i = 0; i < patterns.Length; i++) trie.Add(Utf8(patterns[i]), $"s{i % 4}");
            var naive = patterns
                .Select((pattern, i) => (pattern, Name: $"s{i % 4}"))
                .Where(each => Naive(each.pattern.Split('.'), topic.Split('.')))
                .Select(each => each.Name).Distinct().Order();

            Assert.Equal(naive, Match(trie, topic).Order());
        });
    }

    [Fact]
    public void Each_subscriber_is_found_once_however_many_of_its_patterns_match()
    {
        foreach (var pattern in (string[])["a.b", "a.*", "**", "*.b", "a.**", "**.b"]) _trie.Add(Utf8(pattern), "s");

        Assert.Equal(["s"], Match(_trie, "a.b"));
    }

    [Fact]
    public void Adding_twice_or_removing_what_is_not_there_changes_nothing()
    {
        Assert.True(_trie.Add("a.*"u8, "s"));
        Assert.False(_trie.Add("a.*"u8, "s"));
        Assert.False(_trie.Remove("a.*"u8, "other"));
        Assert.False(_trie.Remove("a"u8, "s"));
        Assert.False(_trie.Remove("a.*.c"u8, "s"));

        Assert.Equal((1, 2), (_trie.Count, _trie.Nodes));
    }

    [Fact]
    public void It_says_beforehand_how_many_nodes_a_pattern_would_make()
    {
        OneOf("a", "b", "*", "**", "").Array[1, 5].Array[1, 30].Sample(all =>
        {
            var trie = new TopicTrie<string>();
            foreach (var parts in all)
            {
                var pattern = Utf8(string.Join('.', parts));
                var (before, missing) = (trie.Nodes, trie.Missing(pattern));
                trie.Add(pattern, "s");
                Assert.Equal(before + missing, trie.Nodes);
            }
        });
    }

    [Fact]
    public void Nothing_is_left_when_every_pattern_was_removed_in_whatever_order()
    {
        OneOf("a", "b", "*", "**", "").Array[1, 5].Array[1, 30].Sample(all =>
        {
            var trie = new TopicTrie<string>();
            var patterns = all.Select(parts => Utf8(string.Join('.', parts))).ToArray();
            for (var i = 0; i < patterns.Length; i++) trie.Add(patterns[i], $"s{i % 3}");
            for (var i = patterns.Length - 1; i >= 0; i--) trie.Remove(patterns[i], $"s{i % 3}");

            Assert.Equal((0, 0), (trie.Count, trie.Nodes));
            Assert.Empty(Match(trie, "a.b"));
        });
    }

    [Theory]
    [Trait("Defect", "D29")]
    [InlineData(8, 26)]
    [InlineData(16, 40)]
    [InlineData(31, 64)]
    public void However_many_double_stars_there_are_a_topic_costs_a_look_per_node_and_segment(int stars, int segments)
    {
        _trie.Add(Utf8(string.Join('.', Enumerable.Repeat("**.x", stars)) + ".end"), "s");
        _trie.Add(Utf8(string.Join('.', Enumerable.Repeat("**", stars))), "all");

        Assert.Equal(["all"], Match(_trie, string.Join('.', Enumerable.Repeat("x", segments))));
        Assert.InRange(_trie.Visits, 1, (_trie.Nodes + 1) * (segments + 1));
    }

    [Fact]
    [Trait("Defect", "D29")]
    public void Many_double_stars_cost_a_look_per_node_and_segment_and_not_more()
    {
        var pattern = string.Join('.', Enumerable.Repeat("**.x", 8)) + ".end";
        var topic = string.Join('.', Enumerable.Repeat("x", 26));
        _trie.Add(Utf8(pattern), "s");

        Assert.Empty(Match(_trie, topic));
        Assert.InRange(_trie.Visits, 1, (_trie.Nodes + 1) * (26 + 1));

        // Ever more of them cost no more than their nodes: trying every way would take more than 10^7 steps.
        for (var i = 1; i <= 8; i++) _trie.Add(Utf8(string.Join('.', Enumerable.Repeat("**", i))), "all");
        Assert.Equal(["all"], Match(_trie, topic));
        Assert.InRange(_trie.Visits, 1, (_trie.Nodes + 1) * (26 + 1));
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static List<string> Match(TopicTrie<string> trie, string topic)
    {
        List<string> found = [];
        trie.Match(Utf8(topic), found);
        return found;
    }

    /// <summary>Tries every way, as the reference does.</summary>
    internal static bool Naive(ReadOnlySpan<string> pattern, ReadOnlySpan<string> topic)
    {
        if (pattern.IsEmpty) return topic.IsEmpty;
        if (pattern[0] == "**")
            return Naive(pattern[1..], topic) || (!topic.IsEmpty && Naive(pattern, topic[1..]));
        return !topic.IsEmpty && (pattern[0] == "*" || pattern[0] == topic[0]) && Naive(pattern[1..], topic[1..]);
    }
}
