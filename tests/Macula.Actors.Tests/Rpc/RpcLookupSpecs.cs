using Akka.Actor;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Rpc;

/// <summary>How providers are found: here, then at peers.</summary>
public sealed class RpcLookupSpecs(ITestOutputHelper log) : RpcKit(log)
{
    [Fact]
    [Trait("Defect", "D20")]
    public async Task Callers_of_one_procedure_share_a_lookup_and_all_get_answers()
    {
        var (one, two, provider) = (Sink(), Sink(), Sink());
        await Call(one, Wire.Call("add", 1, "one"));
        await Call(two, Wire.Call("add", 1, "two"));
        await Call(two, Wire.Call("add", 2, "three"));
        Assert.Equal(1, Tables.Size("rpc.pending_lookups"));
        await Answer(provider);
        Assert.False(Registry.HasMessages);

        foreach (var frame in provider.Frames)
            await Reply(provider, frame.Call().CallId, Wire.Text(frame.Call().Args));

        Assert.Equal("one", Wire.Text(Assert.Single(one.Frames).Reply().Result));
        Assert.Equal(["two", "three"], two.Frames.Select(frame => Wire.Text(frame.Reply().Result)));
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D20")]
    public async Task A_caller_that_ends_leaves_the_lookup_to_the_others()
    {
        var (one, two, provider) = (Sink(), Sink(), Sink());
        await Call(one, Wire.Call("add", 1));
        await Call(two, Wire.Call("add", 1));
        await this.End(one.Connection);
        await this.Eventually(() => Pending == 1);
        await this.Handled(Rpc);
        await Answer(provider);

        await Reply(provider, Assert.Single(provider.Frames).Call().CallId, "3");
        Assert.Single(two.Frames);
        Assert.Empty(one.Frames);
        await AssertIdle();
    }

    [Fact]
    public async Task A_lookup_without_callers_ends_and_its_peers_are_no_longer_asked()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add", 1));
        await AnswerPeers(Peer("a"), Peer("b"));
        var (a, b) = ((await Exchange()).Exchange, (await Exchange()).Exchange);
        await Tell(new Cancel(caller, Wire.Id(1), await Lease()));

        foreach (var exchange in (MeshProtocol.Exchange[])[a, b])
            Assert.Equal(exchange.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        Assert.Equal((0, 1), (Tables.Size("rpc.pending_lookups"), Lookups("abandoned")));
        await Exchanged(a, Found(("p", "")));
        await ExchangeFails(b, MeshRefusal.StreamFailed);
        Assert.Empty(caller.Frames);
        Assert.False(Mesh.HasMessages);
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D16")]
    public async Task What_nobody_provides_here_is_asked_of_peers_and_the_first_that_knows_it_wins()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add", 7, "[1]"));
        await AnswerPeers(Peer("a"), Peer("b"), Peer("c"));
        var asked = new List<MeshProtocol.Exchange>();
        for (var i = 0; i < 3; i++)
        {
            var (exchange, frame) = await Exchange();
            asked.Add(exchange);
            Assert.Equal(FrameType.FindValue, frame.Type);
            Assert.Equal(TimeSpan.FromSeconds(5), exchange.Timeout);
        }

        await Exchanged(asked[0], FindValueReplyMessage.Missed([]));
        Assert.Empty(caller.Frames);
        await Exchanged(asked[1], Found(("p", "https://p.example:1")));

        Assert.Equal(asked[2].Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        var learned = await Registry.ExpectMsgAsync<RegistryProtocol.Learned>(SpecExtensions.Deadline);
        Assert.Equal(DhtKey.ForName("add"), learned.Key);
        Assert.Equal(
            [Remote("p", "b"), new(NodeId.Parse("p"), null, new(NodeId.Parse("p"), new PeerAddress("p.example", 1)))],
            learned.Providers);
        var (call, route) = await Exchange();
        Assert.Equal("b", call.Peer.ToString());
        Assert.Equal((call.Peer, Self), (route.Route().Destination, route.Route().Source));
        Assert.Equal("[1]", Wire.Text(RoutedCall(route).Args));
        await Exchanged(call, RpcRouteMessage.ForReply(
            Self, NodeId.Parse("b"), new ReplyMessage(RoutedCall(route).CallId, Wire.Bytes("3"))));

        Assert.Equal((Wire.Id(7), "3"), (caller.Last.Reply().CallId, Wire.Text(caller.Last.Reply().Result)));
        Assert.Equal(1, Lookups("learned"));
        await AssertIdle();
    }

    [Fact]
    public async Task When_no_peer_knows_it_the_callers_are_told_at_once()
    {
        var (one, two) = (Sink(), Sink());
        await Call(one, Wire.Call("add", 1));
        await Call(two, Wire.Call("add", 1));
        await AnswerPeers(Peer("a"), Peer("b"));
        await Exchanged((await Exchange()).Exchange, FindValueReplyMessage.Missed([]));
        await ExchangeFails((await Exchange()).Exchange, MeshRefusal.ConnectFailed);

        Assert.Equal(("no_such_procedure", "no_such_procedure"), (one.Last.ErrorCode(), two.Last.ErrorCode()));
        Assert.Equal(1, Lookups("missed"));
        var failed = await Registry.ExpectMsgAsync<RegistryProtocol.PeerFailed>(SpecExtensions.Deadline);
        Assert.Equal("b", failed.Peer.Node.ToString());
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D26")]
    public async Task Subscriptions_and_what_names_this_node_are_no_providers()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add"));
        await AnswerPeers(Peer("a"));
        await Exchanged((await Exchange()).Exchange, FindValueReplyMessage.Found(
            [Wire.Plain("subscriber"), Wire.Record("gateway", 300, [0x80]), Wire.Record("gone", 0, [0x80])]));

        Assert.Equal("no_such_procedure", caller.Last.ErrorCode());
    }

    [Fact]
    public async Task Peers_that_do_not_answer_hold_nobody_longer_than_the_lookup_timeout()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add"));
        await AnswerPeers(Peer("a"));
        var (exchange, _) = await Exchange();
        await Advance(4980);
        Assert.Empty(caller.Frames);
        await Advance(40);

        Assert.Equal(("timeout", 1), (caller.Last.ErrorCode(), Lookups("timeout")));
        Assert.Equal(exchange.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        Assert.Equal(1, Tables.Table("rpc.pending_lookups").Expiries);
        await AssertIdle();
    }

    [Fact]
    public async Task A_peer_that_timed_out_leaves_it_open_whether_there_is_a_provider()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add"));
        await AnswerPeers(Peer("a"));
        await ExchangeFails((await Exchange()).Exchange, MeshRefusal.Timeout);

        Assert.Equal("timeout", caller.Last.ErrorCode());
    }

    [Fact]
    public async Task A_lookup_ends_with_the_longest_deadline_in_it()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add", 1, timeout: 100));
        await Call(caller, Wire.Call("add", 2, timeout: 300));
        await AnswerPeers(Peer("a"));
        await Exchange();
        await Advance(200);
        Assert.Equal((1, 1), (caller.Frames.Count, Tables.Size("rpc.pending_lookups")));
        await Advance(200);

        Assert.Equal((2, 0, 1), (caller.Frames.Count, Tables.Size("rpc.pending_lookups"), Lookups("abandoned")));
        await AssertIdle();
    }

    [Fact]
    public async Task A_provider_that_comes_while_peers_are_asked_is_found_by_the_next_caller()
    {
        var (one, two, provider) = (Sink(), Sink(), Sink());
        await Call(one, Wire.Call("add", 1));
        await AnswerPeers(Peer("a"));
        await Exchange();
        await Call(two, Wire.Call("add", 1));
        await AnswerPeers(Peer("a")); // not yet: nobody is asked again
        await Call(two, Wire.Call("add", 2));
        await Answer(provider);

        Assert.Equal(3, provider.Frames.Count);
        await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline);
        Assert.False(Mesh.HasMessages);
    }

    [Fact]
    public async Task Lookups_are_bounded_and_what_is_too_much_is_refused()
    {
        Rpc = Start(Options with { MaxPendingCalls = 10, MaxPendingCallsPerClient = 10 });
        var caller = Sink();
        for (var i = 0; i < 3; i++) await Call(caller, Wire.Call($"p{i}", i));
        await Call(caller, Wire.Call("p0", 7)); // shares one
        Assert.Empty(caller.Frames);
        await Call(caller, Wire.Call("p3", 8));

        Assert.Equal(("overloaded", Wire.Id(8)), (caller.Last.ErrorCode(), caller.Last.Reply().CallId));
        Assert.Equal((3, 1), (Tables.Size("rpc.pending_lookups"), Tables.Table("rpc.pending_lookups").Rejected));
        Assert.Equal([new("lookups", 1)], Tables.Table("rpc.pending_calls").Rejections);
    }

    [Fact]
    public async Task Without_a_mesh_nobody_else_is_asked()
    {
        Rpc = Start(Options, ActorRefs.Nobody);
        var caller = Sink();
        await Call(caller, Wire.Call("add"));
        await AnswerPeers(Peer("a"));

        Assert.Equal("no_such_procedure", caller.Last.ErrorCode());
    }

    private static FindValueReplyMessage Found(params (string Node, string Endpoint)[] providers) =>
        FindValueReplyMessage.Found([.. providers.Select(provider =>
            new ServiceRecord(NodeId.Parse(provider.Node), provider.Endpoint).Encode())]);
}
