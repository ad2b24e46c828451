using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using static Macula.Actors.PubSub.PubSubProtocol;

namespace Macula.Actors.Tests.PubSub;

public sealed class PubSubActorSpecs : TestKit
{
    private static readonly PubSubOptions Options = TestOptions.Defaults.PubSub with
    {
        MaxPatternsPerClient = 3,
        MaxPatterns = 5,
        MaxPatternNodes = 12,
        MaxPatternLength = 20,
        MaxDoubleStars = 2,
        MaxSegments = 4,
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
    public async Task A_client_gets_no_more_patterns_than_it_may_have_on_all_its_streams()
    {
        var connection = CreateTestProbe();
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        await Subscribe(one, "a", "b");
        await Subscribe(two, "c", "d");
        await Subscribe(one, "a");

        Assert.Equal((3, 1), (_census.Size("pubsub.patterns"), _census.Table("pubsub.patterns").Rejected));
        await Publish("d");
        Assert.Empty(two.Frames);

        await Unsubscribe(one, "a");
        await Subscribe(two, "d");
        await Publish("d");
        Assert.Single(two.Frames);
    }

    [Fact]
    public async Task The_node_gets_no_more_patterns_than_it_may_have()
    {
        await Subscribe(Sink(), "a", "b", "c");
        await Subscribe(Sink(), "a", "b", "c");

        Assert.Equal((5, 1), (_census.Size("pubsub.patterns"), _census.Table("pubsub.patterns").Rejected));
    }

    [Fact]
    public async Task The_node_gets_no_more_pattern_nodes_than_it_may_have()
    {
        var sink = Sink();
        await Subscribe(sink, "a.b.c.d", "e.f.g.h");
        await Subscribe(Sink(), "i.j.k.l", "m");
        Assert.Equal(12, _census.Size("pubsub.pattern_nodes"));
        Assert.Equal(1, _census.Table("pubsub.patterns").Rejected);

        await Subscribe(Sink(), "a.b.c"); // needs no new node
        Assert.Equal((4, 12), (_census.Size("pubsub.patterns"), _census.Size("pubsub.pattern_nodes")));
    }

    [Theory]
    [InlineData("123456789012345678901")]
    [InlineData("a.b.c.d.e")]
    [InlineData("**.a.**.**")]
    public async Task A_pattern_beyond_a_limit_is_refused_and_the_others_of_the_frame_are_taken(string pattern)
    {
        await Subscribe(Sink(), pattern, "good");

        Assert.Equal((1, 1), (_census.Size("pubsub.patterns"), _census.Table("pubsub.patterns").Rejected));
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
    public async Task A_stream_that_takes_nothing_does_not_keep_the_others_from_theirs()
    {
        var (full, open) = (Sink(), Sink());
        full.IsOpen = false;
        await Subscribe(full, "a");
        await Subscribe(open, "a");

        await Publish("a");

        Assert.Single(open.Frames);
    }

    private FakeSink Sink() => new(CreateTestProbe());

    private void AssertEmpty() =>
        Assert.Equal((0, 0), (_census.Size("pubsub.patterns"), _census.Size("pubsub.pattern_nodes")));

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
