using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Rpc;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Rpc;

public sealed class RpcActorSpecs(ITestOutputHelper log) : RpcKit(log)
{
    [Fact]
    public async Task A_call_goes_to_its_provider_and_the_reply_comes_back()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("add", 7, "[1,2]"));
        await Answer(provider);

        var call = Assert.Single(provider.Frames).Call();
        Assert.Equal(("add", "[1,2]"), (call.Procedure.ToString(), Wire.Text(call.Args)));
        Assert.Equal(FrameDelivery.Refusable, provider.Deliveries[0]);
        Assert.NotEqual(Wire.Id(7), call.CallId); // two callers may use the same one
        Assert.Empty(caller.Frames);
        Assert.Equal(1, Pending);

        await Reply(provider, call.CallId, "3");
        var reply = Assert.Single(caller.Frames).Reply();
        Assert.Equal((Wire.Id(7), "3"), (reply.CallId, Wire.Text(reply.Result)));
        Assert.Equal(FrameDelivery.Answer, caller.Deliveries[0]);
        Assert.Equal((0, 1), (Pending, Outcomes("ok")));
    }

    [Fact]
    public async Task An_error_of_the_provider_comes_back_as_it_is()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("add"));
        await Answer(provider);
        await Tell(new Reply(
            provider, ReplyMessage.Failed(provider.Last.Call().CallId, "my_code", "my sentence"), await Lease()));

        Assert.Equal("my_code", caller.Last.ErrorCode());
        Assert.Equal(1, Outcomes("other_error")); // a peer's text is no tag
    }

    [Fact]
    public async Task Nobody_provides_it_is_said_at_once()
    {
        var caller = Sink();
        await Call(caller, Wire.Call("nothing"));
        await Answer();

        var error = caller.Last.Reply().Error!.Value;
        Assert.Equal(
            ("no_such_procedure", "No handler registered for nothing"), (error.Code.ToString(), error.Message.ToString()));
        Assert.Equal(0, Pending);
    }

    [Fact]
    [Trait("Defect", "D53")]
    public async Task Two_callers_with_the_same_call_id_each_get_their_own_answer()
    {
        var (one, two, provider) = (Sink(), Sink(), Sink());
        await Call(one, Wire.Call("add", 1, "one"));
        await Answer(provider);
        await Call(two, Wire.Call("add", 1, "two"));
        await Answer(provider);

        foreach (var frame in provider.Frames.Reverse())
            await Reply(provider, frame.Call().CallId, Wire.Text(frame.Call().Args));

        Assert.Equal("one", Wire.Text(Assert.Single(one.Frames).Reply().Result));
        Assert.Equal("two", Wire.Text(Assert.Single(two.Frames).Reply().Result));
    }

    [Fact]
    public async Task One_caller_that_uses_a_call_id_twice_gets_two_answers()
    {
        var (caller, provider) = (Sink(), Sink());
        for (var i = 0; i < 2; i++)
        {
            await Call(caller, Wire.Call("add", 1));
            await Answer(provider);
        }

        foreach (var frame in provider.Frames) await Reply(provider, frame.Call().CallId, "x");
        Assert.Equal([Wire.Id(1), Wire.Id(1)], caller.Frames.Select(frame => frame.Reply().CallId));
        Assert.Equal(0, Pending);
    }

    [Fact]
    public async Task A_second_reply_a_foreign_one_and_one_of_no_call_are_dropped_and_counted()
    {
        var (caller, provider, stranger) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add"));
        await Answer(provider);
        var id = provider.Last.Call().CallId;

        await Reply(stranger, id, "forged");
        await Reply(provider, CallId.FromCounter(1), "of no call");
        await Reply(provider, new CallId([1, 2, 3]), "of no length");
        await Reply(provider, CallId.Random(), "of chance");
        Assert.Empty(caller.Frames);
        await Reply(provider, id, "true");
        await Reply(provider, id, "again");

        Assert.Equal("true", Wire.Text(Assert.Single(caller.Frames).Reply().Result));
        Assert.Equal(5, Meters.Total("macula.rpc.late_replies"));
    }

    [Fact]
    public async Task A_reply_that_comes_before_the_provider_was_chosen_is_no_answer()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await Answer(provider);
        var first = provider.Last.Call().CallId;
        await Reply(provider, first, "1");
        await Call(caller, Wire.Call("add", 2));

        var last = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(first.ToArray());
        for (var i = 1; i <= 4; i++) await Reply(provider, CallId.FromCounter(last + (UInt128)i), "guessed");

        Assert.Single(caller.Frames);
        Assert.Equal(1, Pending);
    }

    [Fact]
    public async Task At_the_deadline_the_caller_is_told_and_the_provider_need_not_go_on()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("slow", timeout: 1000));
        await Answer(provider);
        Assert.InRange(provider.Last.Call().Timeout!.Value, 1, 1000);

        await Advance(980);
        Assert.Empty(caller.Frames);
        await Advance(40);

        Assert.Equal("timeout", Assert.Single(caller.Frames).ErrorCode());
        Assert.Equal(provider.Frames[0].Call().CallId, provider.Frames[1].Cancel().CallId);
        Assert.Equal((0, 1), (Pending, Outcomes("timeout")));

        await Reply(provider, provider.Frames[0].Call().CallId, "too late");
        Assert.Single(caller.Frames);
        Assert.Equal(1, Meters.Total("macula.rpc.late_replies"));
    }

    [Theory]
    [InlineData(null, 30_000)]
    [InlineData(500, 500)]
    [InlineData(int.MaxValue, 60_000)]
    [InlineData(0, 20)]
    public async Task The_deadline_is_the_asked_one_within_limits(int? asked, int expected)
    {
        var caller = Sink();
        await Call(caller, Wire.Call("slow", timeout: asked));
        await Answer(Sink());
        await Advance(expected - 20);
        Assert.Empty(caller.Frames);
        await Advance(40);
        Assert.Equal("timeout", Assert.Single(caller.Frames).ErrorCode());
    }

    [Fact]
    public async Task The_deadline_holds_while_providers_are_still_looked_for()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("slow", timeout: 100));
        await Advance(200);
        Assert.Equal("timeout", caller.Last.ErrorCode());

        await Answer(provider);
        Assert.Empty(provider.Frames);
        Assert.Single(caller.Frames);
    }

    [Fact]
    public async Task A_cancelled_call_is_not_answered_and_the_provider_is_told()
    {
        var (caller, provider) = (Sink(), Sink());
        await Call(caller, Wire.Call("slow", 5));
        await Answer(provider);
        await Tell(new Cancel(caller, Wire.Id(5), await Lease()));

        Assert.Equal(provider.Frames[0].Call().CallId, provider.Frames[1].Cancel().CallId);
        await Reply(provider, provider.Frames[0].Call().CallId, "late");
        Assert.Empty(caller.Frames);
        Assert.Equal(1, caller.Settled); // so that a half-closed stream does not wait for it
        Assert.Equal((0, 1), (Pending, Outcomes("cancelled")));
    }

    [Fact]
    public async Task Nobody_can_cancel_the_call_of_another_or_one_that_is_not_there()
    {
        var (caller, provider, stranger) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("slow", 5));
        await Answer(provider);
        await Tell(new Cancel(stranger, Wire.Id(5), await Lease()));
        await Tell(new Cancel(caller, Wire.Id(6), await Lease()));

        Assert.Single(provider.Frames);
        Assert.Equal((1, 0), (Pending, caller.Settled));
    }

    [Fact]
    public async Task The_end_of_the_provider_ends_its_calls_at_once()
    {
        var (caller, provider, other) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await Answer(provider);
        await Call(caller, Wire.Call("add", 2));
        await Answer(other);

        await this.End(provider.Connection);
        await this.Eventually(() => Pending == 1);
        await this.Handled(Rpc);

        Assert.Equal("provider_gone", Assert.Single(caller.Frames).ErrorCode());
        Assert.Equal(Wire.Id(1), caller.Last.Reply().CallId);
        await Reply(other, other.Last.Call().CallId, "ok");
        Assert.Equal((2, 0), (caller.Frames.Count, Pending));
    }

    [Fact]
    public async Task The_end_of_the_providers_stream_ends_the_calls_that_went_there_and_no_others()
    {
        var (caller, provider, other) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await Answer(provider);
        await Call(caller, Wire.Call("add", 2));
        await Answer(other);

        Rpc.Tell(new StreamEnded(provider), TestActor);
        await this.Eventually(() => Pending == 1);
        await this.Handled(Rpc);

        Assert.Equal(("provider_gone", Wire.Id(1)), (caller.Last.ErrorCode(), Assert.Single(caller.Frames).Reply().CallId));
    }

    [Fact]
    public async Task The_end_of_the_caller_frees_its_calls_and_tells_their_providers()
    {
        var (caller, provider, other) = (Sink(), Sink(), Sink());
        await Call(caller, Wire.Call("add", 1));
        await Answer(provider);
        await Call(caller, Wire.Call("add", 2)); // no provider was found yet
        await Call(other, Wire.Call("add", 3));
        await Answer(provider); // for both

        await this.End(caller.Connection);
        await this.Eventually(() => Pending == 1);
        await this.Handled(Rpc);

        Assert.Equal(2, provider.Frames.Count(frame => frame.Type == FrameType.Cancel));
        Assert.All(provider.Deliveries, delivery => Assert.Equal(FrameDelivery.Refusable, delivery));
        Assert.Empty(caller.Frames);
        Assert.Equal(2, Outcomes("caller_gone"));
        await Reply(provider, provider.Frames[2].Call().CallId, "ok");
        Assert.Single(other.Frames);
        Assert.Equal(0, Pending);
    }

    [Fact]
    public async Task A_client_may_call_itself_and_its_end_frees_that_once()
    {
        var both = Sink();
        await Call(both, Wire.Call("add"));
        await Answer(both);
        await this.End(both.Connection);
        await this.Eventually(() => Pending == 0);
        await this.Handled(Rpc);

        Assert.Equal((1, 0), (Outcomes("caller_gone"), Outcomes("provider_gone")));
    }

    [Fact]
    public async Task A_call_of_a_caller_that_has_ended_already_does_not_stay()
    {
        var caller = Sink();
        await this.End(caller.Connection);
        await Call(caller, Wire.Call("add"));

        await this.Eventually(() => Pending == 0);
        await this.Handled(Rpc);
    }

    [Fact]
    public async Task A_call_for_a_provider_that_has_ended_already_ends_at_once()
    {
        var (caller, provider) = (Sink(), Sink());
        await this.End(provider.Connection);
        await Call(caller, Wire.Call("add"));
        await Answer(provider);

        await this.Eventually(() => caller.Frames.Count == 1);
        Assert.Equal("provider_gone", caller.Last.ErrorCode());
    }

    [Fact]
    public async Task A_client_with_too_many_pending_calls_is_refused_more_of_them()
    {
        var (greedy, modest) = (Sink(), Sink());
        for (var i = 1; i <= 4; i++) await Call(greedy, Wire.Call("slow", i));

        Assert.Equal(("overloaded", Wire.Id(4)), (greedy.Last.ErrorCode(), Assert.Single(greedy.Frames).Reply().CallId));
        await Call(modest, Wire.Call("slow", 1));
        Assert.Empty(modest.Frames);
        Assert.Equal((4, 1, 1), (Pending, Tables.Table("rpc.pending_calls").Rejected, Outcomes("overloaded")));
    }

    [Fact]
    public async Task A_node_with_too_many_pending_calls_refuses_more_of_them()
    {
        var (one, two) = (Sink(), Sink());
        for (var i = 1; i <= 3; i++) await Call(one, Wire.Call("slow", i));
        for (var i = 1; i <= 2; i++) await Call(two, Wire.Call("slow", i));

        Assert.Equal("overloaded", Assert.Single(two.Frames).ErrorCode());
        Assert.Equal(4, Pending);
        await this.End(one.Connection);
        await this.Eventually(() => Pending == 1);
        await this.Handled(Rpc);
        await Call(two, Wire.Call("slow", 3));
        Assert.Equal((2, 1), (Pending, two.Frames.Count));
    }

    [Fact]
    public async Task Providers_take_turns()
    {
        var (caller, a, b) = (Sink(), Sink(), Sink());
        for (var turn = 0; turn < 3; turn++)
        {
            await Call(caller, Wire.Call("add", turn));
            await Answer(turn, a, b);
        }

        Assert.Equal((2, 1), (a.Frames.Count, b.Frames.Count));
    }

    [Fact]
    public async Task With_the_strategy_first_the_longest_advertised_gets_all()
    {
        var first = Start(Options with { Strategy = SelectionStrategy.First });
        var (caller, a, b) = (Sink(), Sink(), Sink());
        for (var turn = 0; turn < 3; turn++)
        {
            first.Tell(new Call(caller, Wire.Call("add", turn), default));
            await AnswerFrom(first, turn, a, b);
        }

        Assert.Equal((3, 0), (a.Frames.Count, b.Frames.Count));
    }

    [Fact]
    public async Task A_provider_that_takes_nothing_gives_way_to_the_next()
    {
        var (caller, full, open) = (Sink(), Sink(), Sink());
        full.IsOpen = false;
        await Call(caller, Wire.Call("add"));
        await Answer(full, open);
        Assert.Single(open.Frames);

        await this.End(full.Connection); // which no longer has anything to do with the call
        await this.Handled(Rpc);
        await Reply(full, open.Last.Call().CallId, "forged");
        Assert.Empty(caller.Frames);
        await Reply(open, open.Last.Call().CallId, "ok");
        Assert.Equal("ok", Wire.Text(Assert.Single(caller.Frames).Reply().Result));
    }

    [Fact]
    public async Task When_no_provider_takes_the_call_the_caller_is_told_to_try_again()
    {
        var (caller, full) = (Sink(), Sink());
        full.IsOpen = false;
        await Call(caller, Wire.Call("add"));
        await Answer(full);

        Assert.Equal("overloaded", caller.Last.ErrorCode());
        Assert.Equal(0, Pending);
    }

    [Fact]
    [Trait("Defect", "D11")]
    public async Task A_procedure_of_an_actor_is_run_by_it_and_not_looked_for()
    {
        var (caller, handler) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call("node.time", 3, "[]"));
        var invoke = await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
        Assert.Equal(("node.time", "[]"), (invoke.Procedure, Wire.Text(invoke.Args)));

        handler.Send(Rpc, invoke.Succeed(Wire.Bytes("12")));
        handler.Send(Rpc, invoke.Succeed(Wire.Bytes("again")));
        await this.Handled(Rpc);

        Assert.Equal((Wire.Id(3), "12"), (caller.Last.Reply().CallId, Wire.Text(Assert.Single(caller.Frames).Reply().Result)));
        Assert.False(Registry.HasMessages);
        Assert.Equal(1, Meters.Total("macula.rpc.late_replies"));
    }

    [Fact]
    public async Task An_actor_has_a_bounded_number_of_calls_to_do_also_when_their_callers_no_longer_wait()
    {
        var (caller, handler) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call("node.time", 1, timeout: 1));
        await Call(caller, Wire.Call("node.time", 2, timeout: 1));
        var first = await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
        this.Advance(TimeSpan.FromSeconds(1));
        await this.Handled(Rpc);
        Assert.Equal(0, Pending);

        await Call(caller, Wire.Call("node.time", 3));
        Assert.Equal(("overloaded", Wire.Id(3)), (caller.Last.ErrorCode(), caller.Last.Reply().CallId));

        handler.Send(Rpc, first.Succeed(default)); // too late for the caller, but one less to do
        await this.Handled(Rpc);
        await Call(caller, Wire.Call("node.time", 4));
        Assert.Equal(1, Pending);
    }

    [Fact]
    public async Task A_procedure_with_a_name_that_is_too_long_is_refused()
    {
        var caller = Sink();
        await Call(caller, Wire.Call(new string('p', Options.MaxProcedureLength + 1)));

        Assert.Equal(("invalid_request", 0), (caller.Last.ErrorCode(), Pending));
    }

    [Fact]
    [Trait("Defect", "D15")]
    public async Task An_actor_may_fail_a_call_and_nobody_else_may_answer_it()
    {
        var (caller, handler) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call("node.time"));
        var invoke = await handler.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);

        Rpc.Tell(invoke.Succeed(Wire.Bytes("forged")), CreateTestProbe());
        await this.Handled(Rpc);
        Assert.Empty(caller.Frames);
        handler.Send(Rpc, invoke.Fail("broken", "It is broken."));
        await this.Handled(Rpc);

        Assert.Equal("broken", caller.Last.ErrorCode());
    }

    [Fact]
    public async Task The_end_of_the_actor_ends_its_calls_and_takes_its_procedures_back()
    {
        var (caller, handler) = (Sink(), await Register("node.time"));
        await Call(caller, Wire.Call("node.time"));
        await this.End(handler);
        await this.Eventually(() => caller.Frames.Count == 1);
        Assert.Equal("provider_gone", caller.Last.ErrorCode());

        await Call(caller, Wire.Call("node.time"));
        await Answer();
        Assert.Equal("no_such_procedure", caller.Last.ErrorCode());
    }

    [Fact]
    public async Task Whoever_registers_a_procedure_last_has_it_and_the_end_of_the_former_does_not_take_it()
    {
        var former = await Register("node.time");
        var latter = await Register("node.time");
        await this.End(former);
        await this.Handled(Rpc);
        await Call(Sink(), Wire.Call("node.time"));

        await latter.ExpectMsgAsync<Invoke>(SpecExtensions.Deadline);
    }

    [Fact]
    public async Task A_pending_call_does_not_keep_the_frame_that_it_came_in()
    {
        var (caller, provider) = (Sink(), Sink());
        var name = Wire.Bytes("add");
        await Call(caller, Wire.Call("add") with { Procedure = new Utf8Text(name) });
        await Answer(provider);
        name.AsSpan().Fill((byte)'x'); // as the frame would be, once its buffer is used again

        await this.End(provider.Connection);
        await this.Eventually(() => caller.Frames.Count == 1);
        Assert.Contains("add", caller.Last.Reply().Error!.Value.Message.ToString(), StringComparison.Ordinal);
    }
}
