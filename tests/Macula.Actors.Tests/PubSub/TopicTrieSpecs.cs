using System.Text;
using System.Text.Json;
using CsCheck;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.PubSub;

public sealed class TopicTrieSpecs
{
    private const int MaxSegments = 64;

    private readonly TopicTrie<string> _trie = new(MaxSegments);

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
            var trie = new TopicTrie<string>(MaxSegments);
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
            var trie = new TopicTrie<string>(MaxSegments);
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
            var trie = new TopicTrie<string>(MaxSegments);
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
            var trie = new TopicTrie<string>(MaxSegments);
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

    [Fact]
    public void A_match_costs_no_more_than_was_said_and_what_was_removed_counts_no_longer()
    {
        var text = OneOf("a", "b", "c", "*", "*", "**").Array[1, 6].Select(parts => string.Join('.', parts));
        var topic = OneOf("a", "b", "c").Array[1, 6].Select(parts => string.Join('.', parts));
        Gen.Select(text.Array[1, 30], Gen.Int[0, 30], topic.Array[10]).Sample((patterns, kept, topics) =>
        {
            var (trie, only) = (new TopicTrie<string>(6), new TopicTrie<string>(6));
            for (var i = 0; i < patterns.Length; i++)
            {
                var (before, most) = (trie.WorstMatch, trie.CostOf(Utf8(patterns[i])));
                trie.Add(Utf8(patterns[i]), $"s{i}");
                Assert.InRange(trie.WorstMatch, before, before + most);
                AssertCosts(trie, topics);
                if (i < kept) only.Add(Utf8(patterns[i]), $"s{i}");
            }

            for (var i = kept; i < patterns.Length; i++) trie.Remove(Utf8(patterns[i]), $"s{i}");
            Assert.Equal(only.WorstMatch, trie.WorstMatch);
            AssertCosts(trie, topics);
            for (var i = 0; i < kept && i < patterns.Length; i++) trie.Remove(Utf8(patterns[i]), $"s{i}");
            Assert.Equal(0, trie.WorstMatch);
        });
    }

    [Theory]
    [InlineData("home.kitchen.temp", 0, 0)]
    [InlineData("home.{0}.temp", 0, 0)]
    [InlineData("home.{0}.*", 1, 1)]
    [InlineData("{0}.*.temp.now", 3, 3)]
    [InlineData("home.*.{0}", 2, 2)]
    [InlineData("{0}.**", 65, 65)]
    [InlineData("**.{0}", 130, 130)]
    [InlineData("**.**.{0}", 3 * 65, 3 * 65)]
    [InlineData("**.{0}.**", 3 * 65, (2 + 1000) * 65)] // too careful: a topic has not that many segments
    public void Those_who_put_another_name_into_the_same_pattern_add_nothing(string pattern, long one, long all)
    {
        for (var i = 0; i < 1000; i++)
        {
            var text = Utf8(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, $"device-{i}"));
            Assert.Equal(one, _trie.CostOf(text));
            _trie.Add(text, "s");
            if (i == 0) Assert.Equal(one, _trie.WorstMatch);
        }

        Assert.Equal(all, _trie.WorstMatch);
    }

    [Fact]
    public void The_worst_match_is_as_bad_as_was_said()
    {
        foreach (var pattern in (string[])["**.a", "**.*", "*.a.a", "*.*.a", "a.a", "b.*.a.a"]) _trie.Add(Utf8(pattern), "s");

        Match(_trie, string.Join('.', Enumerable.Repeat("a", MaxSegments)));
        Assert.InRange(_trie.Visits, _trie.WorstMatch - 10, _trie.WorstMatch + MaxSegments + 1);
    }

    private static void AssertCosts(TopicTrie<string> trie, string[] topics)
    {
        foreach (var topic in topics)
        {
            Match(trie, topic);
            Assert.InRange(trie.Visits, 1, trie.WorstMatch + topic.Split('.').Length + 1);
        }
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
