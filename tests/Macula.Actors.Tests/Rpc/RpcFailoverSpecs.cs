using Akka.Configuration;
using Macula.Actors.Configuration;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Rpc;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Rpc;

/// <summary>Attempts: which provider gets a call, and which the next when that one fails.</summary>
public sealed class RpcFailoverSpecs(ITestOutputHelper log) : RpcKit(log)
{
    [Fact]
    [Trait("Defect", "D27")]
    public async Task A_call_whose_provider_ends_goes_to_the_next_with_its_arguments_and_the_time_that_is_left()
    {
        var (caller, a, b) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add", 7, "[1,2]", timeout: 1000));
        await Answer(a, b);
        await Advance(400);
        await this.End(a.Connection);
        await this.Eventually(() => b.Frames.Count == 1);

        var call = b.Last.Call();
        Assert.Equal(("add", "[1,2]"), (call.Procedure.ToString(), Wire.Text(call.Args)));
        Assert.InRange(call.Timeout!.Value, 1, 600);
        Assert.Empty(caller.Frames);
        await Reply(b, call.CallId, "3");
        var reply = Assert.Single(caller.Frames).Reply();
        Assert.Equal((Wire.Id(7), "3"), (reply.CallId, Wire.Text(reply.Result)));
        Assert.Equal((2, 1), (Meters.Total("macula.rpc.attempts"), Meters.Total("macula.rpc.failovers")));
        await AssertIdle();
    }

    [Fact]
    public async Task A_call_whose_caller_ends_together_with_its_provider_is_tried_nowhere_else()
    {
        var (first, other) = (Sink(), Sink());
        var second = new FakeSink(first.Connection);
        await Call(first, Wire.Call("add", 1));
        await Answer(other);
        await Call(second, Wire.Call("sub", 2));
        await Answer(first, other);
        await this.End(first.Connection);
        await this.Eventually(() => Pending == 0);
        await this.Handled(Rpc);

        Assert.Equal((FrameType.Call, FrameType.Cancel), (other.Frames[0].Type, other.Frames[^1].Type));
        Assert.Equal((2, 2), (other.Frames.Count, Outcomes("caller_gone")));
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D27")]
    public async Task One_deadline_covers_all_attempts()
    {
        var (caller, a, b) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add", timeout: 1000));
        await Answer(a, b);
        await Advance(900);
        await Tell(new StreamEnded(a));
        Assert.Single(b.Frames);
        await Advance(120);

        Assert.Equal("timeout", Assert.Single(caller.Frames).ErrorCode());
        Assert.Equal(b.Frames[0].Call().CallId, b.Frames[1].Cancel().CallId);
        await AssertIdle();
    }

    [Theory]
    [Trait("Defect", "D19")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task When_the_last_provider_has_failed_the_caller_is_told_and_the_others_go_on(int providers)
    {
        var (caller, other) = (Sink(), Sink());
        FakeSink[] tried = [.. Enumerable.Range(0, providers).Select(_ => Sink())];
        await Call(other, Wire.Call("sub"));
        await Answer(other);
        await Call(caller, Wire.Call("add"));
        await Answer(tried);
        foreach (var provider in tried)
        {
            Assert.Single(provider.Frames);
            await Tell(new StreamEnded(provider));
        }

        Assert.Equal("provider_gone", Assert.Single(caller.Frames).ErrorCode());
        Assert.Equal(1, Pending); // the call of the other
    }

    [Fact]
    public async Task A_call_is_tried_max_attempts_times_at_different_providers()
    {
        var caller = Sink();
        FakeSink[] providers = [Sink(), Sink(), Sink(), Sink()];
        await Call(caller, Wire.Call("add"));
        await Answer(2, providers);
        foreach (var at in (int[])[2, 3, 0]) await Tell(new StreamEnded(providers[at]));

        Assert.Equal("provider_gone", Assert.Single(caller.Frames).ErrorCode());
        Assert.Empty(providers[1].Frames);
        Assert.All((int[])[2, 3, 0], at => Assert.Single(providers[at].Frames));
    }

    [Fact]
    public async Task An_error_reply_is_final()
    {
        var (caller, a, b) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add"));
        await Answer(a, b);
        await Tell(new Reply(a, ReplyMessage.Failed(a.Last.Call().CallId, "overloaded", "Not now."), await Lease()));

        Assert.Equal("overloaded", Assert.Single(caller.Frames).ErrorCode());
        Assert.Empty(b.Frames);
    }

    [Fact]
    public async Task The_reply_of_a_provider_that_was_given_up_is_late()
    {
        var (caller, a, b) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add"));
        await Answer(a, b);
        await Tell(new StreamEnded(a));
        await Reply(new FakeSink(a.Connection), a.Last.Call().CallId, "late");
        Assert.Empty(caller.Frames);

        await Reply(b, b.Last.Call().CallId, "3");
        Assert.Equal("3", Wire.Text(Assert.Single(caller.Frames).Reply().Result));
        Assert.Equal(1, Meters.Total("macula.rpc.late_replies"));
    }

    [Fact]
    public async Task That_a_provider_may_have_run_the_call_outweighs_that_the_next_is_full()
    {
        var (caller, a, full) = (Sink(), Sink(), Sink());
        full.IsOpen = false;
        await Call(caller, Wire.Call("add"));
        await Answer(a, full);
        await Tell(new StreamEnded(a));

        Assert.Equal("provider_gone", caller.Last.ErrorCode());
    }

    [Theory]
    [InlineData(MeshRefusal.PoolFull, "overloaded")]
    [InlineData(MeshRefusal.TooManyWaiters, "overloaded")]
    [InlineData(MeshRefusal.Overloaded, "overloaded")]
    [InlineData(MeshRefusal.InternalError, "internal_error")]
    [InlineData(MeshRefusal.ConnectFailed, "no_route")]
    [InlineData(MeshRefusal.StreamFailed, "provider_gone")]
    [InlineData(MeshRefusal.Removed, "provider_gone")]
    [InlineData(MeshRefusal.ShuttingDown, "no_route")]
    [InlineData(MeshRefusal.Timeout, "timeout")]
    public async Task An_exchange_that_fails_gives_way_to_the_next_provider(MeshRefusal reason, string code)
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add"));
        await AnswerLive(Remote("p", "a"), Remote("q", "b"));
        foreach (var peer in (string[])["a", "b"])
        {
            Assert.Empty(caller.Frames);
            var (exchange, _) = await Exchange();
            Assert.Equal(peer, exchange.Peer.ToString());
            await ExchangeFails(exchange, reason);
        }

        Assert.Equal(code, Assert.Single(caller.Frames).ErrorCode());
        await AssertIdle();
    }

    [Theory]
    [InlineData("no_route")]
    [InlineData("max_hops_exceeded")]
    [InlineData("no_handler")]
    public async Task A_peer_that_has_no_way_to_the_provider_gives_way_to_the_next(string code)
    {
        var (caller, local) = (Sink(), Sink());
        local.IsOpen = false;
        await Call(caller, Wire.Call("add"));
        await AnswerLive(new(NodeId.Parse("l"), local), Remote("p", "a"), Remote("q", "b"));
        for (var i = 0; i < 2; i++)
        {
            var (exchange, frame) = await Exchange();
            await Exchanged(exchange, RpcRouteMessage.ForReply(
                Self, exchange.Peer, ReplyMessage.Failed(RoutedCall(frame).CallId, code, "No.")));
        }

        Assert.Equal(code, Assert.Single(caller.Frames).ErrorCode());
        await AssertIdle();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_reply_of_a_provider_elsewhere_comes_bare_or_in_a_route(bool bare)
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add", 7));
        await AnswerLive(Remote("p", "a"));
        var (exchange, frame) = await Exchange();
        var reply = ReplyMessage.Failed(RoutedCall(frame).CallId, "my_code", "My sentence.");
        if (bare) await Exchanged(exchange, reply);
        else await Exchanged(exchange, RpcRouteMessage.ForReply(Self, exchange.Peer, reply));

        Assert.Equal(("my_code", Wire.Id(7)), (caller.Last.ErrorCode(), Assert.Single(caller.Frames).Reply().CallId));
        await AssertIdle();
    }

    [Fact]
    [Trait("Defect", "D52")]
    public async Task A_routed_reply_for_this_node_that_comes_by_itself_answers_the_call()
    {
        var (caller, peer) = (Sink(), Sink());
        await Call(caller, Wire.Call("add", 7));
        await AnswerLive(Remote("p", "a"));
        var (exchange, frame) = await Exchange();
        var reply = new ReplyMessage(RoutedCall(frame).CallId, Wire.Bytes("3"));

        await Route(peer, RpcRouteMessage.ForReply(Self, NodeId.Parse("stranger"), reply));
        Assert.Empty(caller.Frames);
        await Route(peer, RpcRouteMessage.ForReply(Self, exchange.Peer, reply));

        Assert.Equal("3", Wire.Text(Assert.Single(caller.Frames).Reply().Result));
        Assert.Equal(exchange.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        await AssertIdle();
    }

    [Fact]
    public async Task An_answer_that_is_none_counts_as_a_provider_that_left()
    {
        var (caller, local) = (Sink(), Sink());
        await Call(caller, Wire.Call("add"));
        await AnswerLive(Remote("p", "a"), Remote("q", "b"), Remote("r", "c"));
        await Exchanged((await Exchange()).Exchange, new PongMessage(1, 1));
        await Exchanged((await Exchange()).Exchange, new ReplyMessage(Wire.Id(1), Wire.Bytes("of another")));
        await Exchanged((await Exchange()).Exchange, RpcRouteMessage.ForCall(Self, NodeId.Parse("c"), Wire.Call("x")));

        Assert.Equal("provider_gone", Assert.Single(caller.Frames).ErrorCode());
    }

    [Theory]
    [InlineData("cancel")]
    [InlineData("end")]
    [InlineData("stream")]
    [InlineData("deadline")]
    public async Task The_peer_of_a_call_that_nobody_waits_for_is_told(string how)
    {
        var caller = Sink();
        await Call(caller, Wire.Call("add", 1, timeout: 1000));
        await AnswerLive(Remote("p", "a"));
        var (exchange, frame) = await Exchange();
        if (how == "cancel") await Tell(new Cancel(caller, Wire.Id(1), await Lease()));
        if (how == "end") await this.End(caller.Connection);
        if (how == "stream") await Tell(new StreamEnded(caller));
        if (how == "deadline") await Advance(1020);

        Assert.Equal(exchange.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        await this.Eventually(() => Pending == 0);
        await this.Handled(Rpc);
        await Exchanged(exchange, new ReplyMessage(RoutedCall(frame).CallId, Wire.Bytes("3")));
        Assert.Equal(how == "deadline" ? 1 : 0, caller.Frames.Count);
        await AssertIdle();
    }

    [Fact]
    public async Task Providers_here_come_before_those_that_are_dialled_where_they_say_they_listen()
    {
        var (caller, here) = (Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await AnswerLive(new(NodeId.Parse("l"), here), Remote("p", "p"), Remote("p", "a"), Remote("q", "q"));
        await Tell(new StreamEnded(here));

        var (through, _) = await Exchange();
        Assert.Equal("a", through.Peer.ToString());
        await ExchangeFails(through, MeshRefusal.ConnectFailed);
        Assert.Equal("p", (await Exchange()).Exchange.Peer.ToString());
    }

    [Fact]
    [Trait("Defect", "D28")]
    public async Task Turns_are_even_also_when_callers_share_a_lookup()
    {
        Rpc = Start(Options with { MaxPendingCalls = 100, MaxPendingCallsPerClient = 100 });
        var (caller, a, b, c) = (Sink(), Sink(), Sink(), Sink());
        for (var i = 0; i < 30; i++) await Call(caller, Wire.Call("add", i));
        await Answer(1, a, b, c);

        Assert.Equal((10, 10, 10), (a.Frames.Count, b.Frames.Count, c.Frames.Count));
    }

    [Fact]
    [Trait("Defect", "D28")]
    public async Task With_least_pending_the_one_with_the_fewest_calls_gets_the_next_and_equals_take_turns()
    {
        Rpc = Start(Options with
        {
            MaxPendingCalls = 100,
            MaxPendingCallsPerClient = 100,
            Strategy = SelectionStrategy.LeastPending,
        });
        var (caller, a, b) = (Sink(), Sink(), Sink());
        for (var turn = 0; turn < 4; turn++)
        {
            await Call(caller, Wire.Call("add", turn));
            await Answer(turn, a, b);
        }

        Assert.Equal((2, 2), (a.Frames.Count, b.Frames.Count));
        foreach (var frame in b.Frames) await Reply(b, frame.Call().CallId, "x");
        for (var turn = 0; turn < 2; turn++)
        {
            await Call(caller, Wire.Call("add", 10 + turn));
            await Answer(0, a, b);
        }

        Assert.Equal((2, 4), (a.Frames.Count, b.Frames.Count));
    }

    [Fact]
    public async Task With_least_pending_calls_that_run_elsewhere_count_too()
    {
        Rpc = Start(Options with { Strategy = SelectionStrategy.LeastPending });
        var caller = Sink();
        await Call(caller, Wire.Call("add", 5));
        await AnswerLive(Remote("p", "a"), Remote("q", "b"));
        var (first, _) = await Exchange();
        await Call(caller, Wire.Call("add", 6));
        await AnswerLive(Remote("p", "a"), Remote("q", "b"));
        var (second, _) = await Exchange();
        Assert.Equal(("a", "b"), (first.Peer.ToString(), second.Peer.ToString()));
    }

    [Fact]
    [Trait("Defect", "D28")]
    public void A_strategy_that_is_unknown_is_a_fault_at_the_start()
    {
        var config = ConfigurationFactory.ParseString("macula.rpc.strategy = cleverest");
        var reader = new OptionsReader(config, "macula.rpc");
        RpcOptions.Read(reader);

        Assert.Equal(
            "macula.rpc.strategy is 'cleverest'; allowed: one of round-robin, random, first, least-pending",
            Assert.Single(reader.Faults));
    }

    [Fact]
    public async Task With_random_every_provider_gets_some()
    {
        Rpc = Start(Options with
        {
            MaxPendingCalls = 1000,
            MaxPendingCallsPerClient = 1000,
            Strategy = SelectionStrategy.Random,
        });
        var (caller, a, b) = (Sink(), Sink(), Sink());
        for (var i = 0; i < 200; i++) await Call(caller, Wire.Call("add", i));
        await Answer(a, b);

        Assert.Equal(200, a.Frames.Count + b.Frames.Count);
        Assert.InRange(a.Frames.Count, 1, 199); // all at one: once in 10^60 runs
    }
}
