using System.Globalization;
using System.Text;
using CsCheck;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.PubSub;

public sealed class RetainedMessagesSpecs
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(10);
    private static readonly PubSubOptions Options = TestOptions.Defaults.PubSub with
    {
        MaxRetained = 4,
        MaxRetainedBytes = 10_000,
        RetainedTtl = Ttl,
    };

    private readonly RetainedMessages _retained = new(Options);

    [Fact]
    public void The_last_message_of_a_topic_is_kept_and_found_by_every_pattern_that_matches()
    {
        Set("a.b", "old");
        Set("a.b", "new");
        Set("a.c", "other");

        foreach (var pattern in (string[])["a.b", "*.b", "**.b", "a.b.**", "**.a.**.b.**"])
            Assert.Equal(["new"], Match(pattern));
        foreach (var pattern in (string[])["a.*", "**", "*.*", "**.*"])
            Assert.Equal(["new", "other"], Match(pattern).Order());
        foreach (var pattern in (string[])["a", "*", "a.b.c", "a.b.*", "b.**", ""]) Assert.Empty(Match(pattern));
        Assert.Equal((2, 3), (_retained.Count, _retained.Nodes));
    }

    [Fact]
    public void Several_patterns_of_one_subscribe_find_a_message_once()
    {
        Set("a.b", "1");

        Assert.Equal(["1"], Match("a.b", "a.*", "**"));
        Assert.Equal(["1"], Match("a.b"));
    }

    [Fact]
    public void What_was_cleared_is_gone_and_leaves_nothing()
    {
        Set("a.b", "1");
        Assert.False(_retained.Clear("a"u8));
        Assert.False(_retained.Clear("a.b.c"u8));
        Assert.True(_retained.Clear("a.b"u8));
        Assert.False(_retained.Clear("a.b"u8));

        AssertEmpty();
    }

    [Fact]
    public void When_it_is_full_the_one_that_was_set_longest_ago_gives_way()
    {
        foreach (var topic in (string[])["a", "b", "c", "d"]) Assert.Equal(0, Set(topic, topic));
        Assert.Equal(0, Set("a", "a")); // not the longest ago any more
        Assert.Equal(1, Set("e", "e"));
        Assert.Equal(1, Set("c.x", "c.x")); // takes the place of c, below it

        Assert.Equal(["a", "c.x", "d", "e"], Match("**").Order());
    }

    [Fact]
    public void Bytes_are_bounded_and_a_large_message_takes_the_place_of_several()
    {
        Set("a", new string('a', 3000));
        Set("b", new string('b', 3000));
        Set("c", "c");
        Assert.Equal(2, Set("d", new string('d', 9000)));

        Assert.Equal(["c", new string('d', 9000)], Match("**").Order());
        Assert.InRange(_retained.Bytes, 9000, Options.MaxRetainedBytes);
    }

    [Fact]
    public void A_message_larger_than_all_together_is_not_kept_and_the_one_before_it_is_not_the_last_any_more()
    {
        Set("a", "small");
        Set("b", "b");
        Assert.Null(Set("a", new string('a', 10_000)));

        Assert.Equal(["b"], Match("**"));
    }

    [Fact]
    public void Each_counts_with_its_frame_its_topic_and_its_segments()
    {
        Set("home.kitchen", "1");

        var frame = Encoding.UTF8.GetBytes("1").Length;
        Assert.Equal(frame + "home.kitchen".Length + (2 * RetainedMessages.BytesPerSegment), _retained.Bytes);
    }

    [Fact]
    public void A_message_is_found_until_its_time_is_over_and_not_at_that_instant_swept_or_not()
    {
        Set("a", "1", At(0));
        Set("b", "2", At(1));
        Assert.Equal(At(10), _retained.NextDue);

        Assert.Equal(["1", "2"], Match(At(10) - TimeSpan.FromTicks(1), "**").Order());
        Assert.Equal(["2"], Match(At(10), "**"));
        Assert.Equal(1, _retained.Expire(At(10)));
        Set("b", "3", At(10.5));
        Assert.Equal(0, _retained.Expire(At(11)));
        Assert.Equal(1, _retained.Expire(At(20.5)));

        AssertEmpty();
    }

    [Fact]
    public void Without_a_time_to_live_it_is_kept_for_ever()
    {
        var retained = new RetainedMessages(Options with { RetainedTtl = TimeSpan.Zero });
        Assert.True(retained.TrySet("a"u8, "1"u8.ToArray(), At(0), out _));

        Assert.Null(retained.NextDue);
        Assert.Equal(0, retained.Expire(TimeSpan.FromDays(10_000)));
        Assert.Equal(["1"], Match(retained, TimeSpan.FromDays(10_000), "a"));
    }

    [Fact]
    public void With_a_bound_of_0_nothing_is_kept()
    {
        var retained = new RetainedMessages(Options with { MaxRetained = 0 });

        Assert.False(retained.TrySet("a"u8, "1"u8.ToArray(), At(0), out _));
        Assert.Equal((0, 0), (retained.Count, retained.Nodes));
    }

    [Fact]
    public void One_subscribe_gets_no_more_messages_than_it_may()
    {
        var retained = new RetainedMessages(Options with { MaxRetained = 100, MaxRetainedPerSubscribe = 3 });
        for (var i = 0; i < 3; i++) retained.TrySet(Utf8($"a.{i}"), "1"u8.ToArray(), At(0), out _);
        List<ReadOnlyMemory<byte>> found = [];
        Assert.True(retained.TryMatch([Text("a.*"), Text("**")], At(0), 5000, found));
        Assert.Equal(3, found.Count);

        retained.TrySet("b"u8, "1"u8.ToArray(), At(0), out _);
        found.Clear();
        Assert.False(retained.TryMatch([Text("a.*"), Text("**")], At(0), 5000, found));
        Assert.Equal(3, found.Count);
    }

    [Fact]
    [Trait("Defect", "D29")]
    public void One_subscribe_costs_no_more_steps_than_it_may_all_its_patterns_together()
    {
        var retained = new RetainedMessages(Options with
        {
            MaxRetained = 1000,
            MaxRetainedBytes = 100_000_000,
        });
        for (var i = 0; i < 1000; i++) retained.TrySet(Utf8($"a.{i}"), "1"u8.ToArray(), At(0), out _);
        List<ReadOnlyMemory<byte>> found = [];

        Assert.True(retained.TryMatch([Text("a.999")], At(0), 5000, found)); // a look-up per segment, however many topics
        Assert.Equal((1, 2), (found.Count, retained.Steps));
        Assert.True(retained.TryMatch([Text("**.none")], At(0), 5000, found));
        Assert.InRange(retained.Steps, 1001, 2 * 1001);
        Assert.False(retained.TryMatch([.. Enumerable.Repeat(Text("**.none"), 100)], At(0), 5000, found));
        Assert.InRange(retained.Steps, 5001, 5010);
    }

    [Theory]
    [Trait("Defect", "D29")]
    [InlineData(8, 26)]
    [InlineData(31, 64)]
    public void However_many_double_stars_a_pattern_has_each_place_costs_at_most_its_segments(int stars, int segments)
    {
        var retained = new RetainedMessages(Options with { MaxRetainedBytes = 100_000 });
        var topic = string.Join('.', Enumerable.Repeat("x", segments));
        Assert.True(retained.TrySet(Utf8(topic), "1"u8.ToArray(), At(0), out _));

        Assert.Empty(Match(retained, At(0), string.Join('.', Enumerable.Repeat("**.x", stars)) + ".end"));
        Assert.InRange(retained.Steps, segments, segments * ((2 * stars) + 2));
    }

    [Fact]
    public void It_finds_what_a_comparison_with_each_topic_finds()
    {
        var text = OneOf("a", "b", "", "*", "**", "#").Array[1, 6].Select(parts => string.Join('.', parts));
        Gen.Select(text.Array[0, 12], text).Sample((topics, pattern) =>
        {
            var retained = new RetainedMessages(Options with { MaxRetained = 100, MaxRetainedBytes = 100_000 });
            foreach (var topic in topics)
                Assert.True(retained.TrySet(Utf8(topic), Utf8(topic), At(0), out _));
            var naive = topics.Distinct().Where(topic => TopicTrieSpecs.Naive(pattern.Split('.'), topic.Split('.')));

            Assert.Equal(naive.Order(), Match(retained, At(0), pattern).Order());
        });
    }

    [Fact]
    public void It_does_what_a_list_in_the_order_of_setting_does()
    {
        var step = Gen.Select(Gen.Int[0, 9], OneOf("a", "b", "a.b", "a.b.c", "c.d", "c", ""), Gen.Int[0, 40]);
        step.Array[1, 60].Sample(steps =>
        {
            var options = Options with { MaxRetainedBytes = 2000 };
            var (retained, now) = (new RetainedMessages(options), At(0));
            List<(string Topic, string Body, int Cost, TimeSpan Due)> model = [];
            foreach (var (what, topic, size) in steps)
            {
                now += TimeSpan.FromSeconds(size % 5);
                if (what < 6)
                {
                    var body = new string('x', size * 30);
                    var cost = body.Length + topic.Length + (200 * topic.Split('.').Length);
                    model.RemoveAll(each => each.Topic == topic);
                    if (cost <= 2000) model.Add((topic, body, cost, now + Ttl));
                    while (model.Count > 4 || model.Sum(each => each.Cost) > 2000) model.RemoveAt(0);
                    Assert.Equal(cost <= 2000, retained.TrySet(Utf8(topic), Utf8(body), now, out _));
                }
                else if (what < 8)
                {
                    Assert.Equal(model.RemoveAll(each => each.Topic == topic) > 0, retained.Clear(Utf8(topic)));
                }
                else
                {
                    Assert.Equal(model.RemoveAll(each => each.Due <= now), retained.Expire(now));
                }

                Assert.Equal((model.Count, model.Sum(each => (long)each.Cost)), (retained.Count, retained.Bytes));
                Assert.Equal(
                    model.Where(each => each.Due > now).Select(each => each.Body).Order(),
                    Match(retained, now, "**").Order());
            }

            Assert.Equal(model.Count, retained.ClearAll());
            Assert.Equal((0, 0, 0), (retained.Count, retained.Bytes, retained.Nodes));
        });
    }

    private void AssertEmpty()
    {
        Assert.Equal((0, 0, 0), (_retained.Count, _retained.Bytes, _retained.Nodes));
        Assert.Null(_retained.NextDue);
        Assert.Empty(Match("**"));
    }

    /// <returns>How many gave way, or null when it was not taken.</returns>
    private int? Set(string topic, string body, TimeSpan now = default) =>
        _retained.TrySet(Utf8(topic), Utf8(body), now, out var evicted) ? evicted : null;

    private List<string> Match(params string[] patterns) => Match(_retained, default, patterns);

    private List<string> Match(TimeSpan now, params string[] patterns) => Match(_retained, now, patterns);

    private static List<string> Match(RetainedMessages retained, TimeSpan now, params string[] patterns)
    {
        List<ReadOnlyMemory<byte>> found = [];
        Assert.True(retained.TryMatch([.. patterns.Select(Text)], now, int.MaxValue, found), string.Create(
            CultureInfo.InvariantCulture, $"cut after {retained.Steps} steps"));
        return [.. found.Select(Wire.Text)];
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static Utf8Text Text(string text) => text;

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
