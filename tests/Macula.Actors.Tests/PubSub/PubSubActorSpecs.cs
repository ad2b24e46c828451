using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using static Macula.Actors.PubSub.PubSubProtocol;

namespace Macula.Actors.Tests.PubSub;

public sealed class PubSubActorSpecs : TestKit
{
    private static readonly TimeSpan Ttl = TimeSpan.FromHours(3);
    private static readonly PubSubOptions Options = TestOptions.Defaults.PubSub with
    {
        MaxPatternsPerClient = 3,
        MaxPatterns = 5,
        MaxPatternNodes = 12,
        MaxPatternLength = 20,
        MaxDoubleStars = 2,
        MaxSegments = 4,
        MaxRetained = 3,
        MaxRetainedBytes = 5000,
        RetainedTtl = Ttl,
        MaxRetainedPerSubscribe = 2,
        MaxRetainedSteps = 8,
    };

    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly ReadCredit _credit = new(1000, 1_000_000);
    private readonly IActorRef _pubSub;

    public PubSubActorSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _pubSub =
        Sys.ActorOf(PubSubActor.Props(Options, _census, new GatewayMetrics(_meters, _census)), "pubsub");

    [Fact]
    public async Task A_message_goes_once_to_each_stream_with_a_matching_pattern()
    {
        var (one, two, other) = (Sink(), Sink(), Sink());
        await Subscribe(one, "home.*.temp", "home.**", "**");
        await Subscribe(two, "home.kitchen.temp");
        await Subscribe(other, "home.cellar.temp");

        var frame = await Publish("home.kitchen.temp");

        Assert.Equal(frame, Assert.Single(one.Frames).Bytes.ToArray());
        Assert.Equal(frame, Assert.Single(two.Frames).Bytes.ToArray());
        Assert.Empty(other.Frames);
        Assert.Equal((1, 2), (_meters.Total("macula.pubsub.published"), _meters.Total("macula.pubsub.delivered")));
    }

    [Fact]
    public async Task Two_streams_of_one_connection_are_two_subscribers()
    {
        var connection = CreateTestProbe();
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        await Subscribe(one, "a");
        await Subscribe(two, "a");

        await Publish("a");

        Assert.Equal((1, 1), (one.Frames.Count, two.Frames.Count));
    }

    [Fact]
    public async Task Subscribing_twice_is_one_subscription()
    {
        var sink = Sink();
        await Subscribe(sink, "a", "a");
        await Subscribe(sink, "a");
        Assert.Equal(1, _census.Size("pubsub.patterns"));

        await Unsubscribe(sink, "a");
        await Publish("a");
        Assert.Empty(sink.Frames);
    }

    [Fact]
    [Trait("Defect", "D25")]
    public async Task Unsubscribing_takes_exactly_that_pattern()
    {
        var sink = Sink();
        await Subscribe(sink, "a.*", "a.b");
        await Unsubscribe(sink, "a.b", "never.subscribed");
        await Publish("a.b");
        Assert.Single(sink.Frames);

        await Unsubscribe(sink, "a.*");
        await Publish("a.b");
        Assert.Single(sink.Frames);
        AssertEmpty();
    }

    [Fact]
    public async Task Who_never_subscribed_may_unsubscribe()
    {
        await Unsubscribe(Sink(), "a");

        AssertEmpty();
    }

    [Fact]
    [Trait("Defect", "D25")]
    public async Task Unsubscribing_on_one_stream_leaves_the_same_pattern_on_another()
    {
        var connection = CreateTestProbe();
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        await Subscribe(one, "a");
        await Subscribe(two, "a");
        await Unsubscribe(one, "a");
        await Publish("a");

        Assert.Equal((0, 1), (one.Frames.Count, two.Frames.Count));
    }

    [Fact]
    [Trait("Defect", "D35")]
    public async Task A_connection_is_watched_once_while_it_has_subscriptions_and_not_after_them()
    {
        var connection = new WatchCounter(Sys, "counted");
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        for (var i = 1; i <= 10; i++)
        {
            await Subscribe(one, "a", "b");
            await Subscribe(two, "a");
            await Subscribe(one, "a");
            await Unsubscribe(one, "a");
            await Unsubscribe(one, "b");
            Assert.Equal((i, i - 1), (connection.Watches, connection.Unwatches));
            if (i % 2 == 0) await Unsubscribe(two, "a");
            else await Tell(new StreamEnded(two));
            Assert.Equal((i, i), (connection.Watches, connection.Unwatches));
        }

        AssertEmpty();
    }

    [Fact]
    [Trait("Defect", "D35")]
    public async Task A_connection_that_subscribes_again_and_ends_takes_everything_along()
    {
        var connection = CreateTestProbe();
        var sink = new FakeSink(connection);
        for (var i = 0; i < 3; i++)
        {
            await Subscribe(sink, "a");
            await Unsubscribe(sink, "a");
        }

        await Subscribe(sink, "a");
        await this.End(connection);
        await this.Eventually(() => _census.Size("pubsub.patterns") == 0);

        AssertEmpty();
    }

    [Fact]
    public async Task The_end_of_a_stream_takes_its_subscriptions_and_leaves_those_of_its_siblings()
    {
        var connection = CreateTestProbe();
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        await Subscribe(one, "a", "b");
        await Subscribe(two, "a");

        _pubSub.Tell(new StreamEnded(one));
        _pubSub.Tell(new StreamEnded(one));
        await Publish("a");
        Assert.Equal((0, 1), (one.Frames.Count, two.Frames.Count));

        _pubSub.Tell(new StreamEnded(two));
        await this.Handled(_pubSub);
        AssertEmpty();
    }

    [Fact]
    public async Task The_end_of_a_connection_takes_the_subscriptions_of_all_its_streams()
    {
        var connection = CreateTestProbe();
        await Subscribe(new FakeSink(connection), "a.b", "**");
        await Subscribe(new FakeSink(connection), "a.b");
        var other = Sink();
        await Subscribe(other, "c");

        await this.End(connection);
        await this.Eventually(() => _census.Size("pubsub.patterns") == 1);
        await this.End(other.Connection);
        await this.Eventually(() => _census.Size("pubsub.patterns") == 0);

        AssertEmpty();
    }

    [Fact]
    public async Task A_subscription_of_a_connection_that_has_ended_already_does_not_stay()
    {
        var connection = CreateTestProbe();
        await this.End(connection);
        await Subscribe(new FakeSink(connection), "a");

        await this.Eventually(() => _census.Size("pubsub.patterns") == 0);
        AssertEmpty();
    }

    [Fact]
    [Trait("Defect", "D29")]
    public async Task A_client_gets_no_more_patterns_than_it_may_have_on_all_its_streams()
    {
        var connection = CreateTestProbe();
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        await Subscribe(one, "a", "b");
        await Subscribe(two, "c", "d");
        await Subscribe(one, "a");

        Assert.Equal((3, "per_client 1"), (_census.Size("pubsub.patterns"), Rejections("pubsub.patterns")));
        await Publish("d");
        Assert.Empty(two.Frames);

        await Unsubscribe(one, "a");
        await Subscribe(two, "d");
        await Publish("d");
        Assert.Single(two.Frames);
    }

    [Fact]
    [Trait("Defect", "D29")]
    public async Task The_node_gets_no_more_patterns_than_it_may_have()
    {
        await Subscribe(Sink(), "a", "b", "c");
        await Subscribe(Sink(), "a", "b", "c");

        Assert.Equal((5, "full 1"), (_census.Size("pubsub.patterns"), Rejections("pubsub.patterns")));
    }

    [Fact]
    public async Task The_node_gets_no_more_pattern_nodes_than_it_may_have()
    {
        var sink = Sink();
        await Subscribe(sink, "a.b.c.d", "e.f.g.h");
        await Subscribe(Sink(), "i.j.k.l", "m");
        Assert.Equal(12, _census.Size("pubsub.pattern_nodes"));
        Assert.Equal("nodes 1", Rejections("pubsub.patterns"));

        await Subscribe(Sink(), "a.b.c"); // needs no new node
        Assert.Equal((4, 12), (_census.Size("pubsub.patterns"), _census.Size("pubsub.pattern_nodes")));
    }

    [Theory]
    [Trait("Defect", "D29")]
    [InlineData("123456789012345678901")]
    [InlineData("a.b.c.d.e")]
    [InlineData("**.a.**.**")]
    public async Task A_pattern_beyond_a_limit_is_refused_and_the_others_of_the_frame_are_taken(string pattern)
    {
        await Subscribe(Sink(), pattern, "good");

        Assert.Equal((1, "invalid 1"), (_census.Size("pubsub.patterns"), Rejections("pubsub.patterns")));
    }

    [Fact]
    public async Task The_delivery_that_the_publisher_wants_goes_with_the_message()
    {
        var sink = Sink();
        await Subscribe(sink, "a");
        await Publish("a", FrameDelivery.Droppable);
        await Publish("a", FrameDelivery.Required);

        Assert.Equal([FrameDelivery.Droppable, FrameDelivery.Required], sink.Deliveries);
    }

    [Fact]
    [Trait("Defect", "D46")]
    public async Task A_stream_that_takes_nothing_does_not_keep_the_others_from_theirs()
    {
        var (full, open) = (Sink(), Sink());
        full.IsOpen = false;
        await Subscribe(full, "a");
        await Subscribe(open, "a");

        await Publish("a");

        Assert.Single(open.Frames);
        Assert.Equal(1, _meters.Total("macula.pubsub.delivered"));
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task Who_subscribes_later_gets_the_last_retained_message_of_each_topic_as_it_was_stored()
    {
        await Retain("home.kitchen", "old");
        var kept = await Retain("home.kitchen", "new");
        await Retain("office", "x");
        await Publish("home.kitchen"); // not retained, and does not take its place
        var (one, two) = (Sink(), Sink());
        await Subscribe(one, "home.*");
        await Subscribe(two, "home.kitchen", "home.**");

        Assert.Equal(kept, Assert.Single(one.Frames).Bytes.ToArray());
        Assert.Equal(kept, Assert.Single(two.Frames).Bytes.ToArray());
        Assert.True(one.Last.Publish().Retain);
        Assert.Equal([FrameDelivery.Refusable], one.Deliveries); // takes nobody's place in the queue
        Assert.Equal(2, _meters.Total("macula.pubsub.retained_sent"));
        Assert.Equal(0, _meters.Total("macula.pubsub.retained_cut"));
    }

    [Fact]
    public async Task A_subscription_that_stands_gets_each_message_once_and_nothing_when_it_is_renewed()
    {
        var sink = Sink();
        await Subscribe(sink, "a");
        await Retain("a");
        await Subscribe(sink, "a");
        Assert.Single(sink.Frames);

        _pubSub.Tell(new Resume(sink, Texts(["a"])));
        await this.Handled(_pubSub);
        Assert.Single(sink.Frames);

        await Unsubscribe(sink, "a");
        await Subscribe(sink, "a");
        Assert.Equal(2, sink.Frames.Count);
    }

    [Fact]
    public async Task A_pattern_that_is_refused_gets_nothing()
    {
        await Retain("a");
        var sink = Sink();
        await Subscribe(sink, "**.**.**");

        Assert.Empty(sink.Frames);
    }

    [Fact]
    public async Task An_empty_retained_message_is_delivered_and_takes_the_one_before_it_away()
    {
        var (live, late) = (Sink(), Sink());
        await Subscribe(live, "a");
        await Retain("a");
        await Retain("a", "");
        await Retain("never.kept", "");
        await Subscribe(late, "a");

        Assert.Equal((2, 0), (live.Frames.Count, late.Frames.Count));
        AssertNothingRetained();
    }

    [Fact]
    public async Task Retained_messages_beyond_their_number_give_way_the_longest_set_first()
    {
        foreach (var topic in (string[])["a", "b", "c", "d"]) await Retain(topic);

        Assert.Equal((3, 1), (_census.Size("pubsub.retained"), _census.Table("pubsub.retained").Evictions));
        Assert.Equal(["", "b", "c", "d"], await Found("a", "b", "c", "d"));
    }

    [Fact]
    public async Task Retained_messages_beyond_their_bytes_give_way_and_one_beyond_all_is_refused()
    {
        await Retain("a", new string('x', 3000));
        await Retain("b", new string('x', 3000));
        Assert.Equal((1, 1), (_census.Size("pubsub.retained"), _census.Table("pubsub.retained").Evictions));
        Assert.InRange(_census.Size("pubsub.retained_bytes"), 3000, 5000);

        await Retain("c", new string('x', 5000));
        Assert.Equal("too_large 1", Rejections("pubsub.retained"));
        Assert.Equal(["", "b", ""], await Found("a", "b", "c"));
    }

    [Fact]
    public async Task A_retained_message_goes_when_its_time_is_over()
    {
        await Retain("a");
        this.Advance(Ttl / 2);
        await Retain("b");
        this.Advance((Ttl / 2) - TimeSpan.FromTicks(1));
        await this.Handled(_pubSub);
        Assert.Equal(["a", "b"], await Found("a", "b"));

        this.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(["", "b"], await Found("a", "b"));
        for (var i = 0; i < 5; i++) // the sweep looks each hour
        {
            this.Advance(TimeSpan.FromHours(1));
            await this.Handled(_pubSub);
        }

        AssertNothingRetained();
        Assert.Equal(
            (2, 0), (_census.Table("pubsub.retained").Expiries, _census.Table("pubsub.retained").Evictions));
    }

    [Fact]
    public async Task A_subscribe_gets_no_more_retained_messages_than_it_may_and_that_is_counted()
    {
        foreach (var topic in (string[])["a", "b", "c"]) await Retain(topic);
        var sink = Sink();
        await Subscribe(sink, "*");

        Assert.Equal(2, sink.Frames.Count);
        Assert.Equal(
            (2, 1),
            (_meters.Total("macula.pubsub.retained_sent"), _meters.Total("macula.pubsub.retained_cut")));
    }

    [Fact]
    [Trait("Defect", "D29")]
    public async Task A_subscribe_takes_no_more_steps_for_them_than_it_may_and_that_is_counted()
    {
        foreach (var topic in (string[])["a.b.c", "d.e.f", "g.h.i"]) await Retain(topic);
        await Subscribe(Sink(), "a.b.c");
        Assert.Equal(0, _meters.Total("macula.pubsub.retained_cut"));
        await Subscribe(Sink(), "**.none");

        Assert.Equal(1, _meters.Total("macula.pubsub.retained_cut"));
    }

    [Fact]
    public async Task A_client_that_subscribes_again_and_again_makes_do_with_the_steps_it_has_left_and_gets_more_with_time()
    {
        await Retain("a");
        await Retain("b");
        var (client, other) = (CreateTestProbe(), Sink());
        var sinks = (FakeSink[])[new(client), new(client)];
        for (var i = 0; i < 4; i++) await Again(sinks[i % 2]); // 2 steps each, of 8
        Assert.Equal((8, 0), SentAndCut());

        await Again(sinks[0]);
        await Again(sinks[1]);
        Assert.Equal((8, 2), SentAndCut());
        await Again(other);
        Assert.Equal((10, 2), SentAndCut());

        this.Advance(TimeSpan.FromMilliseconds(375)); // 3 steps
        await Again(sinks[0]);
        Assert.Equal((12, 2), SentAndCut());
        await Again(sinks[0]);
        Assert.Equal((13, 3), SentAndCut());

        this.Advance(TimeSpan.FromHours(1)); // no more than 8
        for (var i = 0; i < 5; i++) await Again(sinks[0]);
        Assert.Equal((21, 4), SentAndCut());
    }

    [Fact]
    public async Task Who_has_used_steps_is_watched_until_they_are_back_and_no_longer()
    {
        await Retain("a");
        var connection = new WatchCounter(Sys, "counted");
        var sink = new FakeSink(connection);
        for (var i = 1; i <= 3; i++)
        {
            await Again(sink);
            await Again(sink);
            Assert.Equal((i, i - 1), (connection.Watches, connection.Unwatches));

            this.Advance(TimeSpan.FromSeconds(1));
            await this.Handled(_pubSub);
            Assert.Equal((i, i), (connection.Watches, connection.Unwatches));
        }

        await Subscribe(sink, "a");
        this.Advance(TimeSpan.FromSeconds(1));
        await this.Handled(_pubSub);
        Assert.Equal((4, 3), (connection.Watches, connection.Unwatches)); // it is subscribed
    }

    [Fact]
    public async Task What_does_not_fit_into_the_subscribers_queue_is_counted_as_cut()
    {
        await Retain("a");
        var full = Sink();
        full.IsOpen = false;
        await Subscribe(full, "a");

        Assert.Equal(
            (0, 1),
            (_meters.Total("macula.pubsub.retained_sent"), _meters.Total("macula.pubsub.retained_cut")));
    }

    [Fact]
    public async Task With_max_retained_0_nothing_is_kept_and_everything_is_delivered()
    {
        var census = new TableCensus();
        var off = Sys.ActorOf(PubSubActor.Props(
            Options with { MaxRetained = 0 }, census, new GatewayMetrics(_meters, census)));
        var (live, late) = (Sink(), Sink());
        off.Tell(new Subscribe(live, Texts(["a"]), 1, default));
        off.Tell(new Publish("a", Wire.Retain("a").ToFrame(), FrameDelivery.Droppable, default, Retention.Keep));
        off.Tell(new Subscribe(late, Texts(["a"]), 1, default));
        await this.Handled(off);

        Assert.Equal((1, 0), (live.Frames.Count, late.Frames.Count));
        Assert.Equal((0, 0), (census.Size("pubsub.retained"), census.Table("pubsub.retained").Rejected));
    }

    [Theory]
    [InlineData(MemoryLevel.DropCaches)]
    [InlineData(MemoryLevel.ShrinkQueues)]
    public async Task When_memory_is_short_all_that_is_retained_goes_and_none_is_kept_until_there_is_enough(
        MemoryLevel level)
    {
        await Retain("a");
        _pubSub.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.CloseIdlePeers));
        await Retain("b");
        Assert.Equal(2, _census.Size("pubsub.retained"));

        _pubSub.Tell(new MemoryProtocol.LevelChanged(level));
        await Retain("c");
        AssertNothingRetained();
        Assert.Equal("memory_pressure 1", Rejections("pubsub.retained"));
        Assert.Equal(2, _census.Table("pubsub.retained").Evictions);

        _pubSub.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.Normal));
        await Retain("d");
        Assert.Equal(["", "", "", "d"], await Found("a", "b", "c", "d"));
    }

    private async Task Again(FakeSink sink)
    {
        await Subscribe(sink, "*");
        await Unsubscribe(sink, "*");
    }

    private (long Sent, long Cut) SentAndCut() =>
        ((long)_meters.Total("macula.pubsub.retained_sent"), (long)_meters.Total("macula.pubsub.retained_cut"));

    private FakeSink Sink() => new(CreateTestProbe());

    private void AssertEmpty() =>
        Assert.Equal((0, 0), (_census.Size("pubsub.patterns"), _census.Size("pubsub.pattern_nodes")));

    private void AssertNothingRetained() =>
        Assert.Equal((0, 0), (_census.Size("pubsub.retained"), _census.Size("pubsub.retained_bytes")));

    private string Rejections(string table) =>
        string.Join(", ", _census.Table(table).Rejections.Select(each => $"{each.Key} {each.Value}"));

    /// <summary>For each topic: itself when a message is retained for it, else nothing.</summary>
    private async Task<string[]> Found(params string[] topics)
    {
        List<string> found = [];
        foreach (var topic in topics)
        {
            var sink = Sink();
            await Subscribe(sink, topic);
            found.Add(sink.Frames is [var frame] ? frame.Publish().Topic.ToString() : "");
            await Unsubscribe(sink, topic);
        }

        return [.. found];
    }

    private async Task<byte[]> Retain(string topic, string payload = "1")
    {
        var frame = Wire.Retain(topic, payload).ToFrame();
        var retention = payload.Length == 0 ? Retention.Clear : Retention.Keep;
        await Tell(new Publish(topic, frame, FrameDelivery.Droppable, await _credit.TakeAsync(10), retention));
        return frame;
    }

    private async Task Subscribe(FakeSink sink, params string[] patterns) =>
        await Tell(new Subscribe(sink, Texts(patterns), 1, await _credit.TakeAsync(10)));

    private async Task Unsubscribe(FakeSink sink, params string[] patterns) =>
        await Tell(new Unsubscribe(sink, Texts(patterns), await _credit.TakeAsync(10)));

    private async Task<byte[]> Publish(string topic, FrameDelivery delivery = FrameDelivery.Droppable)
    {
        var frame = Wire.Publish(topic).ToFrame();
        await Tell(new Publish(topic, frame, delivery, await _credit.TakeAsync(10)));
        return frame;
    }

    // Whatever it was, the credit of its frame is back once it was handled.
    private async Task Tell(object message)
    {
        _pubSub.Tell(message);
        await this.Handled(_pubSub);
        Assert.Equal(0, _credit.Frames);
    }

    private static Utf8Text[] Texts(string[] texts) => [.. texts.Select(Utf8Text.FromString)];
}
