using Akka.Actor;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Rpc;

/// <summary>RPC_ROUTE: calls and replies for this node, for its clients, and for others.</summary>
public sealed class RpcRouteSpecs(ITestOutputHelper log) : RpcKit(log)
{
    private static readonly NodeId Far = NodeId.Parse("far");
    private static readonly NodeId Client = NodeId.Parse("client");

    [Fact]
    [Trait("Defect", "D10")]
    [Trait("Defect", "D15")]
    public async Task A_routed_call_for_this_node_is_answered_in_a_route_on_the_same_stream()
    {
        var (peer, handler) = (Sink(), await Register("node.time"));
        await Route(peer, RpcRouteMessage.ForCall(Self, Far, Wire.Call("node.time", 9)));
        handler.Send(Rpc, (await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline)).Succeed(Wire.Bytes("12")));
        await this.Handled(Rpc);

        var route = Assert.Single(peer.Frames).Route();
        Assert.Equal(("far", "gateway", 0), (route.Destination.ToString(), route.Source.ToString(), route.HopCount));
        Assert.True(route.IsReply);
        Assert.Equal((Wire.Id(9), "12"), (RoutedReply(peer).CallId, Wire.Text(RoutedReply(peer).Result)));
        Assert.Equal(FrameDelivery.Answer, peer.Deliveries[0]);
    }

    [Fact]
    public async Task A_routed_call_that_nobody_provides_here_is_refused_with_no_handler_and_asks_no_peer()
    {
        var peer = Sink();
        await Route(peer, RpcRouteMessage.ForCall(Self, Far, Wire.Call("nothing")));
        await AnswerPeers(Peer("a"));

        Assert.Equal("no_handler", RoutedReply(peer).Error?.Code.ToString());
        Assert.False(Mesh.HasMessages);
    }

    [Fact]
    public async Task A_routed_call_never_leaves_the_node_again()
    {
        var (peer, caller) = (Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await Route(peer, RpcRouteMessage.ForCall(Self, Far, Wire.Call("add", 2)));
        for (var i = 0; i < 2; i++) await AnswerLive(Remote("p", "a"));

        Assert.Equal("no_handler", RoutedReply(peer).Error?.Code.ToString());
        var (exchange, frame) = await Exchange(); // that of the caller here
        Assert.Equal("a", exchange.Peer.ToString());
        Assert.Equal("add", RoutedCall(frame).Procedure.ToString());
        Assert.False(Mesh.HasMessages);
    }

    [Fact]
    public async Task A_routed_call_that_cannot_be_read_is_refused()
    {
        var peer = Sink();
        foreach (var destination in (NodeId[])[Self, Client])
        {
            await Route(peer, new RpcRouteMessage(
                destination, Far, 0, 10, "call", new RawValue(new byte[] { 0x80 })));
            Assert.Equal("invalid_request", RoutedReply(peer).Error?.Code.ToString());
        }

        Assert.Equal((2, 0), (peer.Frames.Count, Pending));
    }

    [Fact]
    public async Task A_call_for_a_client_that_provides_the_procedure_is_a_call_to_exactly_that_client()
    {
        var (peer, other, client) = (Sink(), Sink(), Sink());
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 9, "[1]", timeout: 1000)));
        await AnswerLive(new(NodeId.Parse("other"), other), new(Client, client));

        Assert.Empty(other.Frames);
        var call = Assert.Single(client.Frames).Call();
        Assert.Equal(("add", "[1]"), (call.Procedure.ToString(), Wire.Text(call.Args)));
        Assert.InRange(call.Timeout!.Value, 1, 1000);
        Assert.NotEqual(Wire.Id(9), call.CallId);

        await Reply(client, call.CallId, "3");
        Assert.Equal((Far, true), (peer.Last.Route().Destination, peer.Last.Route().IsReply));
        Assert.Equal((Wire.Id(9), "3"), (RoutedReply(peer).CallId, Wire.Text(RoutedReply(peer).Result)));
        await AssertIdle();
    }

    [Fact]
    public async Task The_end_of_that_client_is_told_to_the_source_at_once_and_no_other_is_tried()
    {
        var (peer, other, client) = (Sink(), Sink(), Sink());
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add")));
        await AnswerLive(new(NodeId.Parse("other"), other), new(Client, client));
        await this.End(client.Connection);
        await this.Eventually(() => peer.Frames.Count == 1);

        Assert.Equal("provider_gone", RoutedReply(peer).Error?.Code.ToString());
        Assert.Empty(other.Frames);
    }

    [Fact]
    public async Task Of_a_call_whose_peer_gives_up_its_stream_the_provider_is_told_and_nothing_is_left()
    {
        var (peer, sibling, client) = (Sink(), Sink(), Sink());
        sibling = new FakeSink(peer.Connection);
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 1)));
        await AnswerLive(new RegistryProtocol.Provider(Client, client));
        await Route(sibling, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 2)));
        await AnswerLive(new RegistryProtocol.Provider(Client, client));

        await Tell(new StreamEnded(peer));

        Assert.Equal(client.Frames[0].Call().CallId, client.Frames[2].Cancel().CallId);
        Assert.Equal((3, 1, 1), (client.Frames.Count, Pending, Outcomes("caller_gone")));
        await Reply(client, client.Frames[1].Call().CallId, "3");
        Assert.Equal(Wire.Id(2), RoutedReply(sibling).CallId);
        Assert.Empty(peer.Frames);
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D52")]
    public async Task A_call_for_another_client_is_passed_on_and_its_reply_comes_back_on_the_stream_of_the_call()
    {
        var (peer, client) = (Sink(), Sink());
        var route = RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 9));
        await Route(peer, route);
        await AnswerLive();
        var deliver = await Delivery();
        Assert.Equal((Client, null), (deliver.Node, deliver.From)); // it still waits
        Assert.Equal(route.ToFrame(), deliver.Frame.ToArray());
        Assert.Equal(1, Pending);

        var reply = new ReplyMessage(Wire.Id(9), Wire.Bytes("3"));
        await Route(client, RpcRouteMessage.ForReply(Far, Client, reply));
        await Route(client, RpcRouteMessage.ForReply(Self, Client, reply)); // nobody's
        Assert.Equal((Wire.Id(9), "3"), (RoutedReply(peer).CallId, Wire.Text(RoutedReply(peer).Result)));
        Assert.Equal(FrameDelivery.Answer, Assert.Single(peer.Deliveries));
        Assert.False(Clients.HasMessages);
        await AssertIdle();
    }

    [Fact]
    public async Task A_call_that_a_client_does_not_answer_ends_at_its_deadline()
    {
        var peer = Sink();
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", timeout: 100)));
        await AnswerLive();
        await Delivery();
        await Advance(200);

        Assert.Equal("timeout", RoutedReply(peer).Error?.Code.ToString());
        await AssertIdle();
    }

    [Theory]
    [Trait("Defect", "D51")]
    [InlineData(0, 10, "no_route")]
    [InlineData(4, 10, "no_route")]
    [InlineData(5, 10, "max_hops_exceeded")] // max-hops here
    [InlineData(5, int.MaxValue, "max_hops_exceeded")]
    [InlineData(3, 3, "max_hops_exceeded")]
    public async Task Hops_are_counted_after_delivery_and_what_cannot_go_on_is_refused(
        int hopCount, int maxHops, string code)
    {
        var peer = Sink();
        var route = RpcRouteMessage.ForCall(Client, Far, Wire.Call("add"));
        await Route(peer, route with { HopCount = hopCount, MaxHops = maxHops });
        await AnswerLive();
        await NotConnected(await Delivery());
        if (code == "no_route") await AnswerHops();

        Assert.Equal(code, RoutedReply(peer).Error?.Code.ToString());
        Assert.Equal(1, Outcomes(code));
        await AssertIdle();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Defect", "D9")]
    public async Task A_call_for_another_node_goes_to_the_next_hop_and_the_reply_comes_back(bool bare)
    {
        var peer = Sink();
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 9)) with { HopCount = 1 });
        await AnswerLive();
        await NotConnected(await Delivery());
        await AnswerHops(Peer("a"), Peer("b"));

        var (exchange, frame) = await Exchange();
        var onward = frame.Route();
        Assert.Equal(("a", 2), (exchange.Peer.ToString(), onward.HopCount));
        Assert.Equal((Client, Far), (onward.Destination, onward.Source));
        Assert.Equal(Wire.Id(9), RoutedCall(frame).CallId); // unique with its source

        var reply = new ReplyMessage(Wire.Id(9), Wire.Bytes("3"));
        if (bare) await Exchanged(exchange, reply);
        else await Exchanged(exchange, RpcRouteMessage.ForReply(Far, Client, reply));
        Assert.Equal(Far, peer.Last.Route().Destination);
        Assert.Equal((Wire.Id(9), "3"), (RoutedReply(peer).CallId, Wire.Text(RoutedReply(peer).Result)));
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D51")]
    public async Task A_next_hop_that_cannot_be_reached_gives_way_to_the_next_and_is_forgotten()
    {
        var peer = Sink();
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 9)));
        await AnswerLive();
        await NotConnected(await Delivery());
        await AnswerHops(Peer("a"), Peer("b"), Peer("c"));

        foreach (var name in (string[])["a", "b", "c"])
        {
            var (exchange, _) = await Exchange();
            Assert.Equal(name, exchange.Peer.ToString());
            await ExchangeFails(exchange, MeshRefusal.ConnectFailed);
            var failed = await Registry.ExpectMsgAsync<RegistryProtocol.PeerFailed>(SpecExtensions.Deadline);
            Assert.Equal((exchange.Peer, exchange.Address), (failed.Peer.Node, failed.Peer.Address));
        }

        Assert.Equal("no_route", RoutedReply(peer).Error?.Code.ToString());
        await AssertIdle();
    }

    [Fact]
    public async Task A_call_that_was_passed_on_is_given_up_when_its_stream_ends()
    {
        var peer = Sink();
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 9)));
        await AnswerLive();
        await NotConnected(await Delivery());
        await AnswerHops(Peer("a"));
        var (exchange, _) = await Exchange();
        await Tell(new StreamEnded(peer));

        Assert.Equal(exchange.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        await Exchanged(exchange, new ReplyMessage(Wire.Id(9), Wire.Bytes("3")));
        Assert.Empty(peer.Frames);
        Assert.Equal(1, Meters.Total("macula.rpc.late_replies"));
        await AssertIdle();
    }

    [Fact]
    public async Task A_reply_of_a_next_hop_may_come_by_itself()
    {
        var (peer, other) = (Sink(), Sink());
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add", 9)));
        await AnswerLive();
        await NotConnected(await Delivery());
        await AnswerHops(Peer("a"));
        var (exchange, _) = await Exchange();
        await Route(other, RpcRouteMessage.ForReply(Far, Client, new ReplyMessage(Wire.Id(9), Wire.Bytes("3"))));

        Assert.Equal("3", Wire.Text(RoutedReply(peer).Result));
        Assert.Equal(exchange.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D53")]
    public async Task Calls_of_two_sources_with_the_same_id_on_one_connection_each_get_their_own_reply()
    {
        var (one, client) = (Sink(), Sink());
        var two = new FakeSink(one.Connection);
        foreach (var (stream, source) in ((FakeSink, string)[])[(one, "x"), (two, "y")])
        {
            await Route(stream, RpcRouteMessage.ForCall(Client, NodeId.Parse(source), Wire.Call("add", 1)));
            await AnswerLive();
            await Delivery();
        }

        foreach (var source in (string[])["y", "x"])
            await Route(client, RpcRouteMessage.ForReply(
                NodeId.Parse(source), Client, new ReplyMessage(Wire.Id(1), Wire.Bytes(source))));

        Assert.Equal(("x", "y"), (Wire.Text(RoutedReply(one).Result), Wire.Text(RoutedReply(two).Result)));
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D52")]
    public async Task A_reply_for_another_node_goes_to_its_client_or_to_the_next_hop_or_is_dropped_and_counted()
    {
        var peer = Sink();
        var route = RpcRouteMessage.ForReply(Client, Far, new ReplyMessage(Wire.Id(1), Wire.Bytes("x")));
        await Deliver(route);
        await AnswerHops(Peer("a"));
        var send = await Mesh.ExpectMsgAsync<MeshProtocol.Send>(SpecExtensions.Deadline);
        Assert.Equal(("a", 1), (send.Peer.ToString(), WireFrame.Parse(send.Frame).Route().HopCount));

        await Deliver(route);
        await AnswerHops();
        await Deliver(route with { HopCount = 5 });

        Assert.Empty(peer.Frames);
        Assert.Equal(2, Meters.Total("macula.rpc.late_replies"));
        await AssertIdle();

        async Task Deliver(RpcRouteMessage reply)
        {
            Rpc.Tell(new Route(peer, reply, await Lease()));
            var deliver = await Delivery();
            Assert.Null(deliver.From); // there is nobody who waits for an answer
            Assert.Equal(reply.ToFrame(), deliver.Frame.ToArray());
            await NotConnected(deliver);
        }
    }

    [Fact]
    public async Task Without_a_mesh_what_is_for_another_node_has_no_route()
    {
        Rpc = Start(Options, ActorRefs.Nobody);
        var peer = Sink();
        await Route(peer, RpcRouteMessage.ForCall(Client, Far, Wire.Call("add")));
        await AnswerLive();
        await NotConnected(await Delivery());

        Assert.Equal("no_route", RoutedReply(peer).Error?.Code.ToString());
        await AssertIdle();
    }

    private Task<ClientProtocol.Deliver> Delivery() =>
        Clients.ExpectMsgAsync<ClientProtocol.Deliver>(SpecExtensions.Deadline).AsTask();

    private async Task NotConnected(ClientProtocol.Deliver deliver)
    {
        Clients.Send(Rpc, new ClientProtocol.NotConnected(deliver.Node, deliver.Tag, deliver.Lease));
        await this.Handled(Rpc);
    }
}
