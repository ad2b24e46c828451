using System.Globalization;
using Akka.TestKit.Xunit2;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.PubSub;

/// <summary>Publish and subscribe through a whole node, from stream to stream.</summary>
public sealed class PubSubNodeSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private const int Room = 8;

    [Fact]
    [Trait("Defect", "D1")]
    public async Task A_message_gets_from_one_stream_to_another()
    {
        var node = await TestNode.Start(this);
        var (_, subscriber) = await node.Join("subscriber");
        var (_, publisher) = await node.Join("publisher");
        await subscriber.Send(Wire.Subscribe("home.*"));
        await Settled(subscriber);
        await publisher.Send(Wire.Publish("home.kitchen", "21.5"));

        Assert.Equal("21.5", Wire.Text((await subscriber.Next())!.Publish().Payload));
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task A_message_that_is_retained_reaches_who_comes_after_its_publisher_has_gone()
    {
        var node = await TestNode.Start(this);
        var (peer, publisher) = await node.Join("publisher");
        await publisher.Send(Wire.Retain("door.state", "open"), Wire.Retain("door.bell", "silent", qos: 1));
        await Settled(publisher);
        peer.Die();
        await this.Eventually(() => node.Census.Size("connections") == 0);

        var (_, late) = await node.Join("late");
        await late.Send(Wire.Subscribe("door.state"));
        var message = (await late.Next())!.Publish();
        Assert.Equal(("open", true), (Wire.Text(message.Payload), message.Retain));

        await late.Send(Wire.Retain("door.state", ""));
        Assert.Equal(0, (await late.Next())!.Publish().Payload.Length); // live, to itself
        await late.Send(Wire.Subscribe("*.state"), Wire.Subscribe("**"));
        message = (await late.Next())!.Publish();
        Assert.Equal(("silent", 1, true), (Wire.Text(message.Payload), message.Qos, message.Retain));
        Assert.Empty(await late.Settle());
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task A_message_that_a_client_of_the_reference_sends_three_times_arrives_once()
    {
        var node = await TestNode.Start(this);
        var (peer, subscriber) = await node.Join("subscriber");
        var (_, publisher) = await node.Join("publisher");
        await subscriber.Send(Wire.Subscribe("news"));
        await Settled(subscriber);
        for (var i = 0; i < 3; i++)
        {
            await publisher.Send(Wire.Publish("news", qos: 1));
            await Settled(publisher);
            this.Advance(TimeSpan.FromSeconds(5));
        }

        await publisher.Send(Wire.Publish("news", "last") with { MessageId = MessageId.FromCounter(2) });
        Assert.Equal(1, (await subscriber.Next())!.Publish().Qos);
        Assert.Equal("last", Wire.Text((await subscriber.Next())!.Publish().Payload));
        Assert.Equal(2, node.Meters.Total("macula.pubsub.duplicates"));

        peer.Die();
        await this.Eventually(() => node.Census.Size("pubsub.patterns") == 0);
    }

    [Theory]
    [Trait("Defect", "D45")]
    [InlineData(SlowConsumerPolicy.DropOldest, 0)]
    [InlineData(SlowConsumerPolicy.DropNewest, 0)]
    [InlineData(SlowConsumerPolicy.Disconnect, 0)]
    [InlineData(SlowConsumerPolicy.DropOldest, 1)]
    [InlineData(SlowConsumerPolicy.DropNewest, 1)]
    public async Task A_subscriber_that_does_not_read_harms_nobody_else_and_every_message_is_counted(
        SlowConsumerPolicy policy, int qos)
    {
        const int Sent = 50;
        var node = await TestNode.Start(this, TestOptions.Defaults with
        {
            Gateway = TestOptions.Defaults.Gateway with { SlowConsumer = policy, OutboundMaxFrames = Room },
        });
        var (peer, slow) = await node.Join("slow", window: 1024);
        var (_, other) = await node.Join("other");
        var (_, publisher) = await node.Join("publisher");
        foreach (var stream in (TestStream[])[slow, other])
        {
            await stream.Send(Wire.Subscribe("news.*"));
            await Settled(stream);
        }

        for (var i = 0; i < Sent; i++)
        {
            await publisher.Send(Numbered(i, qos));
            Assert.Equal(i, Number(await other.Next()));
        }

        Assert.Equal(Sent, node.Meters.Total("macula.pubsub.published"));
        if (policy == SlowConsumerPolicy.Disconnect || qos > 0)
        {
            Assert.Equal(DisconnectReason.SlowConsumer, await peer.Closed());
            await this.Eventually(() => node.Meters.Total("macula.connections.closed", "slow_consumer") == 1);
            await this.Eventually(() => node.Census.Size("pubsub.patterns") == 1);
            Assert.Equal(0, node.Meters.Total("macula.outbound.dropped"));
            Assert.InRange(node.Meters.Total("macula.pubsub.delivered"), Sent + Room, Sent + Room + 5);
            return;
        }

        // What fits into the stream and the queue arrives, all else was counted.
        var dropped = node.Meters.Total("macula.outbound.dropped");
        Assert.InRange(dropped, Sent - Room - 5, Sent - Room);
        List<int> received = [];
        while (received.Count < Sent - dropped) received.Add(Number(await slow.Next()));
        Assert.Empty(await slow.Settle());
        if (policy == SlowConsumerPolicy.DropNewest) Assert.Equal(Enumerable.Range(0, received.Count), received);
        else Assert.Equal(Enumerable.Range(Sent - Room + 1, Room - 1), received.TakeLast(Room - 1));
    }

    [Fact]
    [Trait("Defect", "D46")]
    public async Task A_subscriber_whose_stream_has_ended_is_forgotten_and_the_others_go_on()
    {
        var node = await TestNode.Start(this);
        var (peer, subscriber) = await node.Join("subscriber");
        var (_, publisher) = await node.Join("publisher");
        var dying = await peer.Open();
        await dying.Send(Wire.Subscribe("news"));
        await Settled(dying);
        await subscriber.Send(Wire.Subscribe("news"));
        await Settled(subscriber);
        Assert.Equal(2, node.Census.Size("pubsub.patterns"));

        dying.Abort();
        await publisher.Send(Wire.Publish("news", "1"));
        Assert.Equal("1", Wire.Text((await subscriber.Next())!.Publish().Payload));
        await this.Eventually(() => node.Census.Size("pubsub.patterns") == 1);
        await publisher.Send(Wire.Publish("news", "2"));
        Assert.Equal("2", Wire.Text((await subscriber.Next())!.Publish().Payload));
    }

    [Theory]
    [Trait("Defect", "D5")]
    [InlineData("dies")]
    [InlineData("closes")]
    [InlineData("gives its streams up")]
    public async Task However_a_client_ends_nothing_of_it_is_left(string how)
    {
        var node = await TestNode.Start(this);
        var (peer, first) = await node.Join("client");
        var second = await peer.Open();
        foreach (var stream in (TestStream[])[first, second])
        {
            await stream.Send(Wire.Subscribe("a.*", "b.**"));
            await stream.Send(Wire.Publish("c", qos: 1));
            await Settled(stream);
        }

        Assert.Equal((4, 2), (node.Census.Size("pubsub.patterns"), node.Census.Size("pubsub.dedupe_ids")));
        if (how == "dies") peer.Die();
        else if (how == "closes") await peer.Connection.CloseAsync(0).AsTask().Soon();
        else
        {
            second.Abort();
            await this.Eventually(() => node.Census.Size("pubsub.patterns") == 2);
            Assert.Equal(1, node.Census.Size("pubsub.dedupe_ids"));
            await first.Send(new DisconnectMessage("normal", "done"));
        }

        await node.AssertEmpty();
    }

    /// <summary>All that was sent on the stream has been handled, by the pub/sub concern too.</summary>
    private async Task Settled(TestStream stream)
    {
        Assert.Empty(await stream.Settle());
        await this.Handled(await Sys.ActorSelection("/user/macula/pubsub").ResolveOne(SpecExtensions.Deadline));
    }

    private static PublishMessage Numbered(int number, int qos) => new(
        "news.today", Wire.Bytes(number.ToString(CultureInfo.InvariantCulture).PadRight(90_000)), qos, false,
        MessageId.FromCounter((UInt128)(number + 1)));

    private static int Number(WireFrame? frame) =>
        int.Parse(Wire.Text(frame!.Publish().Payload), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
}
