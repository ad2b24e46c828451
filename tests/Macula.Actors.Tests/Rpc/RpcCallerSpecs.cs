using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Rpc;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Rpc;

/// <summary>Who is watched because of calls, what is bounded, and calls of the node's own actors.</summary>
public sealed class RpcCallerSpecs(ITestOutputHelper log) : RpcKit(log)
{
    private static readonly RpcOptions Roomy = Options with
    {
        MaxPendingCalls = 20_000,
        MaxPendingCallsPerClient = 20_000,
        MaxPendingBytes = 100_000_000,
        MaxPendingBytesPerClient = 100_000_000,
        MaxCallsPerHandler = 20_000,
    };

    private long Callers => Tables.Size("rpc.callers");

    [Fact]
    public async Task A_caller_is_watched_once_however_many_calls_it_has_and_until_a_second_after_the_last()
    {
        var (caller, provider) = (Sink(), Sink());
        for (var i = 0; i < 3; i++) await Call(caller, Wire.Call("add", i));
        await Answer(provider);
        Assert.Equal(2, Callers);

        foreach (var frame in provider.Frames) await Reply(provider, frame.Call().CallId, "x");
        Assert.Equal((0, 2), (Pending, Callers));
        await Advance(980);
        await Call(caller, Wire.Call("add", 4)); // which keeps the caller
        await Advance(40);
        Assert.Equal(1, Callers);
        await Answer();
        Assert.Equal("no_such_procedure", caller.Last.ErrorCode());

        await AssertIdle();
        await this.End(caller.Connection); // nobody is there to notice
        await this.Handled(Rpc);
        Assert.Equal(0, Outcomes("caller_gone"));
    }

    [Fact]
    public async Task One_that_is_watched_again_after_it_was_let_go_is_noticed()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await Answer();
        await AssertIdle();
        await Call(caller, Wire.Call("add", 2));
        await Answer(provider);
        await this.End(caller.Connection);
        await this.Eventually(() => Pending == 0);
        await this.Handled(Rpc);

        Assert.Equal((1, FrameType.Cancel), (Outcomes("caller_gone"), provider.Last.Type));
        await AssertIdle();
    }

    [Fact]
    public async Task No_more_than_a_bounded_number_without_calls_are_watched()
    {
        Rpc = Start(Roomy);
        var most = CallTable.MaxIdle;
        for (var i = 0; i < most + 10; i++) Rpc.Tell(new Call(Sink(), Wire.Call("add"), default));
        await Answer();

        Assert.Equal((0, most), (Pending, Callers));
        Assert.Equal(Tables.Table("rpc.callers").Limit, (2 * Roomy.MaxPendingCalls) + most);
        await AssertIdle();
    }

    [Fact]
    public async Task Streams_of_a_connection_that_keeps_calling_leave_nothing_behind()
    {
        var (now, connection) = (TimeSpan.Zero, CreateTestProbe());
        var calls = new CallTable(now, _ => { }, _ => { });
        for (var i = 0; i < 1000; i++)
        {
            var stream = new FakeSink(connection);
            var call = new PendingCall((ulong)i + 1, Wire.Id(i), stream, connection);
            calls.Add(call, now + TimeSpan.FromSeconds(1));
            Assert.True(calls.Remove(call));
            Assert.False(calls.Remove(call));
        }

        Assert.Equal((0, 1), (calls.Count, calls.Parties));
        Assert.Single(calls.RemoveParty(connection)!.Streams);
        await Task.CompletedTask;
    }

    [Fact]
    [Trait("Defect", "D41")]
    public async Task The_end_of_a_handler_is_told_to_its_callers_at_once()
    {
        var (caller, handler) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call("node.time"));
        await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
        await this.End(handler);
        await this.Eventually(() => caller.Frames.Count == 1);

        Assert.Equal("provider_gone", caller.Last.ErrorCode());
        await this.Eventually(() => Tables.Size("rpc.handlers") == 0);
        await AssertIdle();
    }

    [Fact]
    public async Task An_actor_of_the_node_calls_a_client_and_gets_the_reply()
    {
        var (caller, provider) = (CreateTestProbe(), Sink());
        caller.Send(Rpc, new CallLocal("add", Wire.Bytes("[1]"), TimeSpan.FromSeconds(1), 7));
        await Answer(provider);
        var call = provider.Last.Call();
        Assert.Equal(("add", "[1]", 1000), (call.Procedure.ToString(), Wire.Text(call.Args), call.Timeout));
        await Reply(provider, call.CallId, "3");

        var ended = await caller.ExpectMsgAsync<CallEnded>(SpecExtensions.Deadline);
        Assert.Equal((7UL, "3", null), (ended.Id, Wire.Text(ended.Result), ended.Code));
        await AssertIdle();
    }

    [Fact]
    public async Task An_actor_of_the_node_calls_another_and_hears_of_an_error_and_of_the_deadline()
    {
        var (caller, handler) = (CreateTestProbe(), await Register("node.time"));
        caller.Send(Rpc, new CallLocal("node.time", default, null, 1));
        handler.Send(Rpc, (await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline)).Fail("broken", "It is broken."));
        Assert.Equal(
            new CallEnded(1, default, "broken", "It is broken."),
            await caller.ExpectMsgAsync<CallEnded>(SpecExtensions.Deadline));

        caller.Send(Rpc, new CallLocal("node.time", default, null, 2));
        await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
        await Advance(30_020);
        var ended = await caller.ExpectMsgAsync<CallEnded>(SpecExtensions.Deadline);
        Assert.Equal((2UL, "timeout"), (ended.Id, ended.Code));
        await AssertIdle();
    }

    [Fact]
    public async Task The_end_of_an_actor_that_calls_frees_its_calls_and_tells_their_providers()
    {
        var (caller, provider) = (CreateTestProbe(), Sink());
        for (var i = 0; i < 3; i++) caller.Send(Rpc, new CallLocal("add", default));
        await Answer(provider);
        await this.End(caller);
        await this.Eventually(() => Pending == 0);
        await this.Handled(Rpc);

        Assert.Equal((3, 3), (provider.Frames.Count(frame => frame.Type == FrameType.Cancel), Outcomes("caller_gone")));
        await AssertIdle();
    }

    [Fact]
    public async Task An_actor_that_calls_is_bounded_as_a_client_is_and_a_call_of_nobody_is_none()
    {
        var caller = CreateTestProbe();
        for (var i = 0; i < 4; i++) caller.Send(Rpc, new CallLocal("slow", default, null, (ulong)i));
        var ended = await caller.ExpectMsgAsync<CallEnded>(SpecExtensions.Deadline);
        Assert.Equal((3UL, "overloaded"), (ended.Id, ended.Code));

        Rpc.Tell(new CallLocal("slow", default), ActorRefs.NoSender);
        await this.Handled(Rpc);
        Assert.Equal(3, Pending);
    }

    [Fact]
    public async Task Ten_thousand_asks_that_are_answered_or_time_out_leave_no_party_and_no_watch()
    {
        Rpc = Start(Roomy);
        var echo = Sys.ActorOf(Props.Create(() => new Echo()));
        Rpc.Tell(new Register("echo", echo), TestActor);
        await ExpectMsgAsync<Registered>(SpecExtensions.Deadline);
        for (var round = 0; round < 10; round++)
        {
            var answered = Enumerable.Range(0, 500).Select(i =>
                Rpc.Ask<CallEnded>(new CallLocal("echo", Wire.Bytes($"{i}")), SpecExtensions.Deadline)).ToArray();
            var timedOut = Enumerable.Range(0, 500).Select(_ =>
                Rpc.Ask<CallEnded>(new CallLocal("slow", default), TimeSpan.FromMilliseconds(20))).ToArray();
            for (var i = 0; i < 500; i++) Assert.Equal($"{i}", Wire.Text((await answered[i].Soon()).Result));
            foreach (var ask in timedOut) await Assert.ThrowsAsync<AskTimeoutException>(() => ask);
        }

        await Advance(30_020); // what the node learns of an Ask that gave up at the latest
        await this.Handled(Rpc);
        await AssertIdle();
        Assert.Equal(5_000, Outcomes("ok"));
        Assert.Equal(5_000, Outcomes("timeout") + Outcomes("caller_gone"));
    }

    [Fact]
    public async Task One_client_cannot_use_up_what_all_may_keep()
    {
        Rpc = Start(Options with { MaxPendingBytesPerClient = 50_000 });
        var (greedy, other, provider) = (Sink(), Sink(), Sink());
        var args = new string('x', 40_000);
        await Call(greedy, Wire.Call("add", 1, args));
        await Answer(provider);
        await Call(greedy, Wire.Call("add", 2, new string('x', 10_000)));
        Assert.Equal(("overloaded", Wire.Id(2)), (greedy.Last.ErrorCode(), greedy.Last.Reply().CallId));
        Assert.Equal([new("bytes_per_client", 1)], Tables.Table("rpc.pending_calls").Rejections);

        await Call(other, Wire.Call("add", 1, args));
        await Answer(provider);
        Assert.Equal(2, Pending);
        foreach (var call in provider.Frames.Select(frame => frame.Call()).ToList()) await Reply(provider, call.CallId, "x");
        await Call(greedy, Wire.Call("add", 3, args));
        Assert.Equal(1, Pending);
    }

    [Fact]
    public async Task Arguments_are_kept_until_the_call_ends_and_bounded()
    {
        Rpc = Start(Options with { MaxPendingBytes = 70_000 });
        var (caller, provider) = (Sink(), Sink());
        var args = new string('x', 60_000);
        await Call(caller, Wire.Call("add", 1, args));
        await Answer(provider);
        Assert.InRange(Tables.Size("rpc.pending_bytes"), 60_000, 60_200);
        await Call(caller, Wire.Call("add", 2, new string('x', 10_000)));

        Assert.Equal(("overloaded", Wire.Id(2)), (caller.Last.ErrorCode(), caller.Last.Reply().CallId));
        Assert.Equal([new("bytes", 1)], Tables.Table("rpc.pending_calls").Rejections);
        Assert.Equal(1, Tables.Table("rpc.pending_bytes").Rejected);
        await Reply(provider, provider.Last.Call().CallId, "x");
        Assert.Equal(0, Tables.Size("rpc.pending_bytes"));
        await Call(caller, Wire.Call("add", 3, args));
        Assert.Equal(1, Pending);
    }

    [Fact]
    public async Task Refusals_are_counted_by_their_reason()
    {
        var (one, two, handler) = (Sink(), Sink(), await Register("node.time"));
        for (var i = 0; i < 3; i++) await Call(two, Wire.Call("node.time", i)); // max-calls-per-handler is 2
        for (var i = 0; i < 4; i++) await Call(one, Wire.Call("slow", i));

        Assert.Equal(
            [new("full", 2), new("per_handler", 1)], Tables.Table("rpc.pending_calls").Rejections);
        Assert.Equal((4, 3), (Pending, Outcomes("overloaded")));
    }

    [Fact]
    public async Task Procedures_of_actors_are_bounded_and_one_that_is_too_much_is_refused()
    {
        for (var i = 0; i < 3; i++) await Register($"p{i}");
        await Register("p2"); // in place of another is always possible
        Rpc.Tell(new Register("p3", CreateTestProbe()), TestActor);
        var refused = await ExpectMsgAsync<RegisterRefused>(SpecExtensions.Deadline);
        Rpc.Tell(new Register(new string('p', 65), CreateTestProbe()), TestActor);

        Assert.Equal(("p3", "overloaded"), (refused.Procedure, refused.Code));
        Assert.Equal("invalid_request", (await ExpectMsgAsync<RegisterRefused>(SpecExtensions.Deadline)).Code);
        Assert.Equal((3, 1), (Tables.Size("rpc.handlers"), Tables.Table("rpc.handlers").Rejected));
    }

    [Fact]
    public async Task A_handler_whose_procedures_others_have_taken_is_watched_until_its_last_call_is_done()
    {
        var (caller, former) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call("node.time", 1));
        var invoke = await former.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
        await Register("node.time");
        former.Send(Rpc, invoke.Succeed(Wire.Bytes("12")));
        await this.Handled(Rpc);
        Assert.Equal("12", Wire.Text(Assert.Single(caller.Frames).Reply().Result));

        await this.End(former);
        var latter = await Register("node.time");
        await Call(caller, Wire.Call("node.time", 2));
        await latter.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
        Assert.Equal(1, Tables.Size("rpc.handlers"));
    }

    [Fact]
    public async Task A_failure_is_told_to_all_who_wait_and_nothing_of_theirs_is_left()
    {
        var (caller, other, peer, provider) = (Sink(), Sink(), Sink(), Sink());
        var actor = CreateTestProbe();
        await Call(caller, Wire.Call("add", 1));
        await Answer(provider);
        await Call(other, Wire.Call("sub", 2));
        await AnswerPeers(Peer("a"));
        var (lookup, _) = await Exchange();
        await Route(peer, RpcRouteMessage.ForCall(NodeId.Parse("client"), NodeId.Parse("far"), Wire.Call("mul", 3)));
        actor.Send(Rpc, new CallLocal("sub", default, null, 4));
        await this.Handled(Rpc);
        Assert.Equal(4, Pending);

        await EventFilter.Exception<Poison.Exception>().ExpectAsync(1, SpecExtensions.Deadline, () =>
        {
            Rpc.Tell(Poison.For("rpc"));
            return Task.CompletedTask;
        });
        Rpc.Tell(GatewayProtocol.Recovered.Instance);
        await this.Handled(Rpc);

        Assert.Equal(("internal_error", "internal_error"), (caller.Last.ErrorCode(), other.Last.ErrorCode()));
        Assert.Equal("internal_error", RoutedReply(peer).Error?.Code.ToString());
        Assert.Equal(4UL, (await actor.ExpectMsgAsync<CallEnded>(SpecExtensions.Deadline)).Id);
        Assert.Equal(FrameType.Cancel, provider.Last.Type);
        Assert.Equal(lookup.Id, (await Mesh.ExpectMsgAsync<MeshProtocol.Cancel>(SpecExtensions.Deadline)).Id);
        await AssertIdle();

        await Exchanged(lookup, FindValueReplyMessage.Missed([])); // nobody's any more
        await Call(caller, Wire.Call("add", 5));
        Assert.Equal(1, Pending);
    }

    [Fact]
    [Trait("Defect", "D53")]
    public async Task An_id_that_a_former_run_gave_out_means_nothing_to_the_next()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("add"));
        await Answer(provider);
        var former = provider.Last.Call().CallId;
        Rpc = Start(Options);
        await Call(caller, Wire.Call("add"));
        await Answer(provider);

        await Reply(provider, former, "late");
        Assert.Empty(caller.Frames);
        Assert.NotEqual(former, provider.Last.Call().CallId);
    }

    [Theory]
    [Trait("Defect", "D62")]
    [InlineData("add")]
    [InlineData("node.time")]
    public async Task What_a_caller_is_told_of_an_error_is_a_code_and_a_sentence(string procedure)
    {
        var (caller, handler) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call(procedure));
        if (procedure == "add") await Answer();
        else await this.End(handler);
        await this.Eventually(() => caller.Frames.Count == 1);

        var error = caller.Last.Reply().Error!.Value;
        Assert.Matches("^[a-z_]+$", error.Code.ToString());
        Assert.DoesNotContain("Akka", error.Message.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", error.Message.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_death_of_a_caller_is_logged_for_each_of_its_calls()
    {
        Sys.EventStream.SetLogLevel(Akka.Event.LogLevel.DebugLevel);
        Rpc = Start(Options); // whose logger takes the level at its start
        var caller = Sink();
        for (var i = 0; i < 2; i++) await Call(caller, Wire.Call("add", i));

        await EventFilter.Debug(contains: "Cleaned up pending call due to caller death").ExpectAsync(
            2, SpecExtensions.Deadline, () => this.End(caller.Connection));
    }

    private sealed class Echo : ReceiveActor
    {
        public Echo() => Receive<Invoke>(msg => Sender.Tell(msg.Succeed(msg.Args)));
    }
}
