using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.Memory;

/// <summary>The last step, from the guard over a listener down to the queue of a client that has stalled.</summary>
public sealed class ShrunkQueuesSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private static readonly GatewayOptions Options = TestOptions.Defaults.Gateway with { OutboundMaxFrames = 64 };

    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly ScriptedMemory _memory = new() { Live = 90 };
    private readonly MemoryEdge _edge = new();

    [Fact]
    public async Task A_client_that_takes_nothing_and_is_sent_nothing_loses_what_is_above_the_shrunk_bound()
    {
        var metrics = new GatewayMetrics(_meters, _census);
        var outbound = Options.NewOutbound();
        var (clients, pubSub, others) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        var identity = new GatewayIdentity(NodeId.Parse("gateway"), TestOptions.Realm, TestOptions.Defaults.PubSub);
        var dedupeIds = _census.Add("pubsub.dedupe_ids", 10);
        var environment = new ConnectionEnvironment(
            identity, Options, new Neighbours(clients, pubSub, others, others, others), dedupeIds, metrics, outbound);
        ConnectionMailbox.Configure(Sys);
        var node = CreateTestProbe();
        var listener = node.ChildActorOf(QuicListenerActor.Props(
            _edge.Provider, MemoryEdge.Listen, connection => ClientConnectionActor.Props(connection, environment),
            _census.Add("connections", 10), metrics));
        var bound = await node.ExpectMsgAsync<ListenerProtocol.Bound>(SpecExtensions.Deadline);
        var guard = Sys.ActorOf(MemoryGuardActor.Props(
            TestOptions.Defaults.Memory, _memory, outbound, [listener], _census, metrics));
        var peer = await _edge.Connect(bound.EndPoint, window: 1024);
        var stream = await peer.Open();
        await stream.Send(Wire.Connect());
        await clients.ExpectMsgAsync<ClientProtocol.Connect>(SpecExtensions.Deadline);
        clients.Reply(new ClientProtocol.Admitted(NodeId.Parse("client")));
        (await stream.Next())!.Pong();
        await stream.Send(Wire.Subscribe("a"));
        var subscriber = (await pubSub.ExpectMsgAsync<PubSubProtocol.Subscribe>(SpecExtensions.Deadline)).Subscriber;
        var frame = Wire.Publish("a", new string('x', 40_000)).ToFrame();
        for (var i = 0; i < 60; i++) Assert.True(subscriber.TrySend(frame, FrameDelivery.Droppable));

        await Until(MemoryLevel.DropCaches);
        await this.Handled(listener);
        Assert.Equal(0, _meters.Total("macula.outbound.dropped"));
        await Until(MemoryLevel.ShrinkQueues);

        // Of 64 frames 16 may wait; some were written before the stream was full.
        await this.Eventually(() => Dropped() > 0 && 60 - Written() - Dropped() <= 16);
        Assert.InRange(Dropped(), 30, 60 - 16);
        Assert.Equal(Dropped(), _meters.Total("macula.outbound.dropped"));
        _memory.Live = 1;
        await Until(MemoryLevel.Normal);
        Assert.False(outbound.IsShrunk);
        for (var left = 60 - Dropped(); left > 0; left--) (await stream.Next())!.Publish();
        Assert.Empty(await stream.Settle());

        long Dropped() => _meters.Total("macula.outbound.dropped", "memory-pressure");

        long Written() => _meters.Total("macula.frames.out") - 1; // the PONG

        async Task Until(MemoryLevel level)
        {
            await this.Eventually(() =>
            {
                if (metrics.Memory.Level != level) this.Advance(TestOptions.Defaults.Memory.CheckInterval);
                return metrics.Memory.Level == level;
            });
            await this.Handled(guard);
        }
    }
}
