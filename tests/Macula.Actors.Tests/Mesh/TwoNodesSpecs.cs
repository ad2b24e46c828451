using System.Net;
using Akka.TestKit.Xunit2;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;

namespace Macula.Actors.Tests.Mesh;

/// <summary>Whole nodes that are each other's peers, on one network in memory.</summary>
public sealed class TwoNodesSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly MemoryEdge _edge = new();

    [Fact]
    public async Task A_call_goes_to_a_client_of_another_node_and_the_next_one_needs_no_lookup_and_no_connection()
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await Provider(b, "provider");

        await caller.Send(Wire.Call("add", 1, "[1]"));
        await Serve(provider, "first");
        Assert.Equal((Wire.Id(1), "first"), Result(await caller.Next()));
        Assert.Equal((1, 1), (Lookups(a, "learned"), a.Meters.Total("macula.mesh.dials", "ok")));
        var connections = b.Meters.Total("macula.connections.accepted");

        for (var i = 2; i < 10; i++)
        {
            await caller.Send(Wire.Call("add", i));
            await Serve(provider, $"{i}");
            Assert.Equal((Wire.Id(i), $"{i}"), Result(await caller.Next()));
        }

        Assert.Equal((1, 8), (Lookups(a, "learned"), Lookups(a, "local")));
        Assert.Equal(1, a.Meters.Total("macula.mesh.dials", "ok"));
        Assert.Equal(connections, b.Meters.Total("macula.connections.accepted"));
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task A_procedure_that_no_node_knows_is_none()
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        await caller.Send(Wire.Call("nothing"));

        Assert.Equal("no_such_procedure", (await caller.Next())!.ErrorCode());
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task A_provider_that_advertised_the_endpoint_of_another_node_is_called_there()
    {
        var b = await Node("b", 2);
        var a = await Node("a", 1);
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await b.Join("provider");
        await caller.Send(Wire.Store("add", Record("provider", b)));

        await caller.Send(Wire.Call("add", 1));
        await Serve(provider, "3", routed: true);

        Assert.Equal((Wire.Id(1), "3"), Result(await caller.Next()));
        Assert.Equal(1, a.Census.Size("mesh.connections"));
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task The_death_of_a_caller_cancels_its_call_at_the_other_node()
    {
        var (a, b) = await Pair();
        var (peer, caller) = await a.Join("caller");
        var (_, provider) = await Provider(b, "provider");
        await caller.Send(Wire.Call("add"));
        var call = (await provider.Next())!.Call();

        peer.Die();

        Assert.Equal(call.CallId, (await provider.Next())!.Cancel().CallId);
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task A_caller_that_cancels_cancels_at_the_other_node()
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await Provider(b, "provider");
        await caller.Send(Wire.Call("add"));
        var call = (await provider.Next())!.Call();

        await caller.Send(new CancelMessage(Wire.Id(1)));

        Assert.Equal(call.CallId, (await provider.Next())!.Cancel().CallId);
        Assert.Empty(await caller.Settle());
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task The_death_of_a_provider_ends_the_call_at_once_with_a_typed_error()
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        var (peer, provider) = await Provider(b, "provider");
        await caller.Send(Wire.Call("add"));
        (await provider.Next())!.Call();

        peer.Die(); // the clock stands still: nothing but the death ends the call

        Assert.Equal("provider_gone", (await caller.Next())!.ErrorCode());
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task The_death_of_a_provider_takes_the_call_to_another_one()
    {
        var (a, b) = await Pair(SelectionStrategy.First);
        var (_, caller) = await a.Join("caller");
        var (peer, first) = await Provider(b, "first");
        var (_, second) = await Provider(b, "second");
        await caller.Send(Wire.Call("add", 5));
        (await first.Next())!.Call();

        peer.Die();
        await Serve(second, "3");

        Assert.Equal((Wire.Id(5), "3"), Result(await caller.Next()));
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task The_end_of_the_other_node_ends_the_calls_there_and_its_return_is_found()
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await Provider(b, "provider");
        await caller.Send(Wire.Call("add", 1));
        (await provider.Next())!.Call();

        await this.End(b.Actor);

        Assert.Equal("provider_gone", (await caller.Next())!.ErrorCode());
        await AssertNothingPends(a);

        b = await Node("b", 2);
        (_, provider) = await Provider(b, "provider");
        this.Advance(TestOptions.Defaults.KnownPeers.RefreshInterval);
        await this.Eventually(() => a.Census.Size("registry.peers") == 1);
        await caller.Send(Wire.Call("add", 2));
        await Serve(provider, "3");
        Assert.Equal((Wire.Id(2), "3"), Result(await caller.Next()));
    }

    [Fact]
    public async Task A_pool_that_fails_ends_its_calls_with_a_typed_error_and_the_next_go_on_over_the_same_connection()
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await Provider(b, "provider");
        await caller.Send(Wire.Call("add", 1));
        var call = (await provider.Next())!.Call();

        await a.Crash(this, "mesh");

        Assert.Equal("internal_error", (await caller.Next())!.ErrorCode());
        Assert.Equal(call.CallId, (await provider.Next())!.Cancel().CallId);
        await caller.Send(Wire.Call("add", 2));
        await Serve(provider, "3");
        Assert.Equal((Wire.Id(2), "3"), Result(await caller.Next()));
        Assert.Equal(1, a.Meters.Total("macula.mesh.dials", "ok"));
        await AssertNothingPends(a, b);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Calls_in_flight_end_when_the_concern_of_calls_fails_on_either_side(bool callers)
    {
        var (a, b) = await Pair();
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await Provider(b, "provider");
        await caller.Send(Wire.Call("add", 1));
        var call = (await provider.Next())!.Call();

        await (callers ? a : b).Crash(this, "rpc");

        Assert.Equal("internal_error", (await caller.Next())!.ErrorCode());
        Assert.Equal(call.CallId, (await provider.Next())!.Cancel().CallId);
        await caller.Send(Wire.Call("add", 2));
        await Serve(provider, "3");
        Assert.Equal((Wire.Id(2), "3"), Result(await caller.Next()));
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task A_node_that_a_peer_names_becomes_a_peer()
    {
        var c = await Node("c", 3);
        var b = await Node("b", 2, peers: [("c", 3)]);
        await this.Eventually(() => b.Census.Size("registry.peers") == 1);
        var a = await Node("a", 1, peers: [("b", 2)]);
        await this.Eventually(() => a.Census.Size("registry.peers") == 2);
        var (_, caller) = await a.Join("caller");
        var (_, provider) = await Provider(c, "provider");

        await caller.Send(Wire.Call("add"));
        await Serve(provider, "3");

        Assert.Equal("3", Result(await caller.Next()).Text);
    }

    [Fact]
    public async Task A_routed_call_travels_by_a_node_in_between_and_its_answer_comes_back_the_same_way()
    {
        var (a, b, c) = await Chain();
        var client = Between("a", "b", "c");
        var (_, caller) = await a.Join("caller");
        var (peer, provider) = await c.Join(client);

        await caller.Send(RpcRouteMessage.ForCall(NodeId.Parse(client), NodeId.Parse("caller"), Wire.Call("add", 7)));
        var there = (await provider.Next())!.Route();
        Assert.Equal((2, "caller"), (there.HopCount, there.Source.ToString()));
        var call = Inner(there);
        await provider.Send(RpcRouteMessage.ForReply(there.Source, NodeId.Parse(client), new(call.CallId, Wire.Bytes("3"))));

        var back = (await caller.Next())!.Route();
        Assert.Equal("caller", back.Destination.ToString());
        Assert.Equal((Wire.Id(7), "3"), Reply(back));
        Assert.Equal((1, 1), (a.Census.Size("mesh.connections"), b.Census.Size("mesh.connections")));
        await AssertNothingPends(a, b, c);

        // Nothing hangs on the way either when the end of it goes.
        await caller.Send(RpcRouteMessage.ForCall(NodeId.Parse(client), NodeId.Parse("caller"), Wire.Call("add", 8)));
        (await provider.Next())!.Route();
        peer.Die();
        await caller.Send(RpcRouteMessage.ForCall(NodeId.Parse(client), NodeId.Parse("caller"), Wire.Call("add", 9)));
        Assert.Equal("no_route", Error((await caller.Next())!.Route()));
    }

    [Fact]
    public async Task A_message_for_somebody_whom_nobody_knows_ends_at_the_closest_node()
    {
        var (a, b, c) = await Chain();
        var (_, caller) = await a.Join("caller");
        for (var i = 0; i < 20; i++)
        {
            await caller.Send(RpcRouteMessage.ForCall(
                NodeId.Parse($"nobody-{i}"), NodeId.Parse("caller"), Wire.Call("add", i)));
            Assert.Equal("no_route", Error((await caller.Next())!.Route()));
        }

        Assert.InRange(Attempts(a), 1, 20); // once at most by each node on the way
        Assert.InRange(Attempts(b), 1, Attempts(a));
        Assert.Equal(0, Attempts(c));
        await AssertNothingPends(a, b, c);
    }

    [Fact]
    public async Task Nodes_that_are_each_others_peers_do_not_send_a_message_in_circles()
    {
        var a = await Node("a", 1, peers: [("b", 2)]);
        var b = await Node("b", 2, peers: [("a", 1)]);
        this.Advance(TestOptions.Defaults.KnownPeers.RefreshInterval);
        await this.Eventually(() => a.Census.Size("registry.peers") == 1 && b.Census.Size("registry.peers") == 1);
        var (_, caller) = await a.Join("caller");
        for (var i = 0; i < 20; i++)
        {
            await caller.Send(RpcRouteMessage.ForCall(
                NodeId.Parse($"nobody-{i}"), NodeId.Parse("caller"), Wire.Call("add", i)));
            Assert.Equal("no_route", Error((await caller.Next())!.Route()));
        }

        Assert.InRange(Attempts(a), 1, 20); // once at most to the peer that is closer
        Assert.Equal(0, Attempts(b));
        await AssertNothingPends(a, b);
    }

    [Fact]
    public async Task Hops_are_capped_whatever_the_message_asks_for()
    {
        var (a, b, c) = await Chain();
        var (_, caller) = await a.Join("caller");
        var client = Between("a", "b", "c");
        await c.Join(client);
        var route = RpcRouteMessage.ForCall(NodeId.Parse(client), NodeId.Parse("caller"), Wire.Call("add"));

        await caller.Send(route with { HopCount = TestOptions.Defaults.Rpc.MaxHops - 1, MaxHops = 1000 });

        Assert.Equal("max_hops_exceeded", Error((await caller.Next())!.Route()));
        Assert.Equal(0, Attempts(b)); // it is there that the hops are over
        await AssertNothingPends(a, b, c);
    }

    // a knows b, and b knows c, which was not there yet when a asked b for others.
    private async Task<(TestNode A, TestNode B, TestNode C)> Chain()
    {
        var b = await Node("b", 2, peers: [("c", 3)]);
        await this.Eventually(() => b.Census.Size("registry.peers") == 0);
        var a = await Node("a", 1, refresh: Hour, peers: [("b", 2)]);
        await Met(a);
        var c = await Node("c", 3);
        this.Advance(TestOptions.Defaults.KnownPeers.RefreshInterval);
        await this.Eventually(() => b.Census.Size("registry.peers") == 1);
        Assert.Equal((1, 0), (a.Census.Size("registry.peers"), c.Census.Size("registry.peers")));
        return (a, b, c);
    }

    private async Task<(TestNode A, TestNode B)> Pair(SelectionStrategy? strategy = null)
    {
        var b = await Node("b", 2, strategy: strategy);
        var a = await Node("a", 1, peers: [("b", 2)]);
        await Met(a);
        return (a, b);
    }

    // Until a node has asked its peer for others, and has the answer.
    private Task Met(TestNode node) =>
        this.Eventually(() => node.Census.Size("mesh.connections") == 1 && node.Census.Size("mesh.exchanges") == 0);

    private async Task<TestNode> Node(
        string id, int number, TimeSpan? refresh = null, SelectionStrategy? strategy = null,
        params (string Id, int Number)[] peers)
    {
        var node = await TestNode.Start(
            this,
            TestOptions.Defaults with
            {
                KnownPeers = new KnownPeersOptions
                {
                    Peers = [.. peers.Select(peer => new RegistryProtocol.Peer(NodeId.Parse(peer.Id), Address(peer.Number)))],
                    RefreshInterval = refresh ?? TestOptions.Defaults.KnownPeers.RefreshInterval,
                    Endpoint = Address(number),
                },
                Rpc = TestOptions.Defaults.Rpc with { Strategy = strategy ?? TestOptions.Defaults.Rpc.Strategy },
            },
            MemoryEdge.Listen with { EndPoint = (IPEndPoint)Address(number).EndPoint },
            edge: _edge, id: NodeId.Parse(id));
        await node.AllHandled(this);
        return node;
    }

    private static PeerAddress Address(int number) => new("127.0.0.1", 9000 + number);

    private static async Task<(TestPeer Peer, TestStream Stream)> Provider(TestNode node, string id)
    {
        var (peer, stream) = await node.Join(id);
        await stream.Send(Wire.Store("add", Record(id, node)));
        await stream.Settle();
        return (peer, stream);
    }

    // With the endpoint of the node that the provider is a client of.
    private static RawValue Record(string id, TestNode node) => new ServiceRecord(
        NodeId.Parse(id), $"https://{node.EndPoint}", new RawValue(new byte[] { 0x80 }), 300).Encode();

    private static async Task Serve(TestStream provider, string result, bool routed = false)
    {
        var frame = (await provider.Next())!;
        if (!routed)
        {
            await provider.Send(new ReplyMessage(frame.Call().CallId, Wire.Bytes(result)));
            return;
        }

        var route = frame.Route();
        await provider.Send(RpcRouteMessage.ForReply(
            route.Source, route.Destination, new ReplyMessage(Inner(route).CallId, Wire.Bytes(result))));
    }

    // An id of a client that is the closer to each of these nodes, the later it comes.
    private static string Between(string far, string nearer, string nearest) => Enumerable.Range(0, 10_000)
        .Select(i => $"client-{i}")
        .First(id => Distance(far, id) > Distance(nearer, id) && Distance(nearer, id) > Distance(nearest, id));

    private static DhtDistance Distance(string node, string id) =>
        DhtKey.ForNode(NodeId.Parse(node)).DistanceTo(DhtKey.ForNode(NodeId.Parse(id)));

    private static CallMessage Inner(RpcRouteMessage route)
    {
        Assert.True(CallMessage.TryDecode(route.Payload.AsPayload(), out var call, out _));
        return call;
    }

    private static (CallId Id, string Text) Reply(RpcRouteMessage route)
    {
        Assert.True(ReplyMessage.TryDecode(route.Payload.AsPayload(), out var reply, out _));
        return (reply.CallId, Wire.Text(reply.Result));
    }

    private static string? Error(RpcRouteMessage route)
    {
        Assert.True(ReplyMessage.TryDecode(route.Payload.AsPayload(), out var reply, out _));
        return reply.Error?.Code.ToString();
    }

    private static (CallId Id, string Text) Result(WireFrame? frame)
    {
        var reply = frame!.Reply();
        Assert.Null(reply.Error);
        return (reply.CallId, Wire.Text(reply.Result));
    }

    private static long Lookups(TestNode node, string outcome) => node.Meters.Total("macula.rpc.lookups", outcome);

    private static long Attempts(TestNode node) => node.Meters.Total("macula.rpc.attempts");

    private Task AssertNothingPends(params TestNode[] nodes) => this.Eventually(() => nodes.All(node =>
        (string[])["rpc.pending_calls", "rpc.pending_bytes", "rpc.pending_lookups", "mesh.exchanges", "mesh.streams"]
            is var tables && tables.All(table => node.Census.Size(table) == 0)));
}
