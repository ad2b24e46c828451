using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.Gateway;

/// <summary>Each concern of a whole node throws in turn, at a message that its handler cannot bear.</summary>
public sealed class ConcernRestartSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    public static TheoryData<string> Concerns => [.. Poison.Concerns];

    [Theory]
    [Trait("Defect", "D13")]
    [MemberData(nameof(Concerns))]
    public async Task Who_is_connected_stays_connected_and_is_known_again(string concern)
    {
        var node = await TestNode.Start(this);
        var (_, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        await a.Send(Wire.Subscribe("home.*"));
        await b.Send(Wire.Advertise("add", "b"));
        await a.Settle();
        await b.Settle();
        await node.AllHandled(this);
        var before = Sizes(node);

        await node.Crash(this, concern);

        Assert.Equal(before, Sizes(node));
        await b.Send(Wire.Publish("home.x"));
        Assert.Equal("home.x", (await a.Next())!.Publish().Topic.ToString());
        await a.Send(Wire.Call("add", 7));
        var call = (await b.Next())!.Call();
        await b.Send(new ReplyMessage(call.CallId, Wire.Bytes("3")));
        Assert.Equal("3", Wire.Text((await a.Next())!.Reply().Result));
        await a.Send(Wire.Call("com.macula.diagnostics.hello", 8));
        Assert.Null((await a.Next())!.Reply().Error);
    }

    [Theory]
    [MemberData(nameof(Concerns))]
    public async Task Nothing_is_left_of_those_who_go_after_a_restart(string concern)
    {
        var node = await TestNode.Start(this);
        var (peer, a) = await node.Join("a");
        await a.Send(Wire.Subscribe("home.*"));
        await a.Send(Wire.Advertise("add", "a"));
        await a.Settle();

        await node.Crash(this, concern);
        peer.Die();

        await node.AssertEmpty();
    }

    [Fact]
    public async Task Whoever_waits_for_a_reply_is_told_that_the_node_failed_and_the_provider_that_nobody_waits()
    {
        var node = await TestNode.Start(this);
        var (_, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        await b.Send(Wire.Advertise("add", "b"));
        await b.Settle();
        await a.Send(Wire.Call("add", 7));
        var call = (await b.Next())!.Call();

        await node.Crash(this, "rpc");

        Assert.Equal("internal_error", (await a.Next())!.ErrorCode());
        Assert.Equal(call.CallId, (await b.Next())!.Cancel().CallId);
        await b.Send(new ReplyMessage(call.CallId, Wire.Bytes("3"))); // late, and answers nobody
        Assert.Empty(await a.Settle());
    }

    [Fact]
    public async Task A_publication_that_meets_a_restart_still_reaches_its_subscribers()
    {
        var node = await TestNode.Start(this);
        var (_, a) = await node.Join("a");
        await a.Send(Wire.Subscribe("home.*"));
        await a.Settle();
        var pubSub = await node.Concern("pubsub");

        await EventFilter.Exception<Poison.Exception>().ExpectAsync(1, SpecExtensions.Deadline, () =>
        {
            pubSub.Tell(Poison.For("pubsub"));
            for (var i = 0; i < 10; i++)
            {
                var publish = Wire.Publish($"home.{i}");
                pubSub.Tell(new PubSubProtocol.Publish(publish.Topic, publish.ToFrame(), FrameDelivery.Droppable, default));
            }

            return Task.CompletedTask;
        });

        for (var i = 0; i < 10; i++) Assert.Equal($"home.{i}", (await a.Next())!.Publish().Topic.ToString());
    }

    [Fact]
    public async Task What_was_retained_is_lost_with_the_concern_that_had_it_and_what_is_published_then_is_kept()
    {
        var node = await TestNode.Start(this);
        var (_, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        await a.Send(Wire.Retain("home.old"));
        await a.Send(Wire.Publish("home.once", qos: 1));
        await a.Settle();
        await this.Eventually(() => node.Census.Size("pubsub.retained") == 1);

        await node.Crash(this, "pubsub");

        await this.Eventually(() => node.Census.Size("pubsub.retained") == 0);
        Assert.Equal((0, 1), (node.Census.Size("pubsub.retained_bytes"), node.Census.Size("pubsub.dedupe_ids")));
        await a.Send(Wire.Retain("home.new"));
        await a.Send(Wire.Publish("home.once", qos: 1)); // the connection still knows that it is a repeat
        await a.Settle();
        await this.Eventually(() => node.Census.Size("pubsub.retained") == 1);
        await b.Send(Wire.Subscribe("home.*"));
        Assert.Equal("home.new", (await b.Next())!.Publish().Topic.ToString());
        Assert.Empty(await b.Settle());
        Assert.Equal(1, node.Meters.Total("macula.pubsub.duplicates"));
    }

    [Fact]
    public async Task A_client_that_comes_while_the_others_announce_themselves_does_not_take_their_place()
    {
        var node = await TestNode.Start(
            this, TestOptions.Defaults with { Clients = TestOptions.Defaults.Clients with { MaxClients = 2 } });
        var (_, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        var clients = await node.Concern("clients");
        var stranger = CreateTestProbe();

        await EventFilter.Exception<Poison.Exception>().ExpectAsync(1, SpecExtensions.Deadline, () =>
        {
            clients.Tell(Poison.For("clients"));
            var info = new ClientInfo(NodeId.Parse("c"), TestOptions.Realm, [], "", "");
            clients.Tell(new ClientProtocol.Connect(info, new FakeSink(CreateTestProbe())), stranger);
            return Task.CompletedTask;
        });

        Assert.Equal(
            DisconnectReason.MaxClientsReached,
            (await stranger.ExpectMsgAsync<ClientProtocol.Refused>(SpecExtensions.Deadline)).Reason);
        Assert.Empty(await a.Settle());
        Assert.Empty(await b.Settle());
        Assert.Equal((2, 2), (node.Census.Size("clients"), node.Census.Size("client_streams")));
    }

    [Fact]
    public async Task A_record_that_its_node_has_withdrawn_does_not_come_back_with_a_restart()
    {
        var node = await TestNode.Start(this);
        var (_, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        await a.Send(Wire.Advertise("add", "b"));
        await this.Eventually(() => node.Census.Size("registry.services") == 1);
        await b.Send(Wire.Advertise("add", "b", ttl: 0));
        await this.Eventually(() => node.Census.Size("registry.services") == 0);

        await node.Crash(this, "registry");

        await b.Send(Wire.FindValue("add"));
        Assert.Null((await b.Next())!.FoundValue().Value);
    }

    [Fact]
    public async Task A_concern_that_fails_takes_those_that_depend_on_it_along_and_no_other()
    {
        var node = await TestNode.Start(this);
        await node.Crash(this, "pubsub");

        Assert.Equal(
            (0, 1, 1, 1),
            (Restarts(node, "clients"), Restarts(node, "pubsub"), Restarts(node, "registry"), Restarts(node, "rpc")));
    }

    [Fact]
    public async Task A_concern_that_cannot_be_kept_alive_ends_the_node()
    {
        var node = await TestNode.Start(this);
        var rpc = await node.Concern("rpc");
        Watch(node.Actor);
        await EventFilter.Exception<Poison.Exception>().ExpectAsync(11, SpecExtensions.Deadline, () =>
        {
            for (var i = 0; i < 11; i++) rpc.Tell(Poison.For("rpc"));
            return Task.CompletedTask;
        });

        await ExpectTerminatedAsync(node.Actor, SpecExtensions.Deadline);
        Assert.Equal(10, Restarts(node, "rpc"));
    }

    private static long Restarts(TestNode node, string concern) =>
        node.Meters.Total("macula.concern.restarts", concern);

    private static Dictionary<string, long> Sizes(TestNode node) =>
        node.Census.Tables.ToDictionary(table => table.Name, table => table.Size);
}
