using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Gateway;

/// <summary>The whole node in memory: what clients see, and that nothing is left of them.</summary>
public sealed class GatewayActorSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    [Fact]
    [Trait("Defect", "D5")]
    public async Task A_publication_reaches_every_subscriber()
    {
        var node = await TestNode.Start(this);
        var (one, oneStream) = await node.Join("one");
        var (two, twoStream) = await node.Join("two");
        await oneStream.Send(Wire.Subscribe("home.*.temp"));
        await twoStream.Send(Wire.Subscribe("**"));
        await oneStream.Settle();
        await twoStream.Settle();

        await twoStream.Send(Wire.Publish("home.kitchen.temp", "21.5"));

        foreach (var stream in (TestStream[])[oneStream, twoStream])
            Assert.Equal("21.5", Wire.Text((await stream.Next())!.Publish().Payload));
        one.Die();
        two.Die();
        await node.AssertEmpty();
    }

    [Fact]
    public async Task A_call_goes_to_the_provider_and_its_reply_to_the_caller()
    {
        var node = await TestNode.Start(this);
        var (_, provider) = await node.Join("p");
        var (_, caller) = await node.Join("c");
        await provider.Send(Wire.Advertise("add", "p"));
        await provider.Settle();

        await caller.Send(Wire.Call("add", 7, "[1,2]"));
        var call = (await provider.Next())!.Call();
        Assert.Equal("[1,2]", Wire.Text(call.Args));
        await provider.Send(new ReplyMessage(call.CallId, Wire.Bytes("3")));

        var reply = (await caller.Next())!.Reply();
        Assert.Equal((Wire.Id(7), "3"), (reply.CallId, Wire.Text(reply.Result)));
        await caller.Send(Wire.Call("sub", 8));
        Assert.Equal("no_such_procedure", (await caller.Next())!.ErrorCode());
    }

    [Fact]
    [Trait("Defect", "D41")]
    public async Task A_call_to_a_provider_that_dies_ends_at_once_and_the_next_finds_nobody()
    {
        var node = await TestNode.Start(this);
        var (dying, provider) = await node.Join("p");
        var (alive, caller) = await node.Join("c");
        await provider.Send(Wire.Advertise("add", "p"));
        await provider.Settle();
        await caller.Send(Wire.Call("add"));
        (await provider.Next())!.Call();
        dying.Die();

        Assert.Equal("provider_gone", (await caller.Next())!.ErrorCode());
        await this.Eventually(() => node.Census.Size("registry.services") == 0);
        await caller.Send(Wire.Call("add"));
        Assert.Equal("no_such_procedure", (await caller.Next())!.ErrorCode());
        alive.Die();
        await node.AssertEmpty();
    }

    [Fact]
    public async Task A_provider_hears_that_its_caller_has_gone()
    {
        var node = await TestNode.Start(this);
        var (_, provider) = await node.Join("p");
        var (dying, caller) = await node.Join("c");
        await provider.Send(Wire.Advertise("add", "p"));
        await provider.Settle();
        await caller.Send(Wire.Call("add"));
        var call = (await provider.Next())!.Call();
        dying.Die();

        Assert.Equal(call.CallId, (await provider.Next())!.Cancel().CallId);
        Assert.Equal(0, node.Census.Size("rpc.pending_calls"));
    }

    [Fact]
    public async Task A_deadline_is_told_to_both_sides()
    {
        var node = await TestNode.Start(this);
        var (_, provider) = await node.Join("p");
        var (_, caller) = await node.Join("c");
        await provider.Send(Wire.Advertise("add", "p"));
        await provider.Settle();
        await caller.Send(Wire.Call("add", timeout: 1000));
        var call = (await provider.Next())!.Call();
        this.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("timeout", (await caller.Next())!.ErrorCode());
        Assert.Equal(call.CallId, (await provider.Next())!.Cancel().CallId);
        await provider.Send(new ReplyMessage(call.CallId, default));
        await provider.Settle();
        Assert.Empty(await caller.Settle());
    }

    [Fact]
    [Trait("Defect", "D45")]
    public async Task Who_does_not_get_to_the_end_of_its_CONNECT_or_of_a_call_keeps_nobody_waiting()
    {
        var node = await TestNode.Start(this);
        await node.Connect(); // and says nothing
        await (await (await node.Connect()).Open()).Send(Wire.Connect("half").ToFrame().AsMemory(0, 20));
        var (_, provider) = await node.Join("p");
        var (_, caller) = await node.Join("c");
        await provider.Send(Wire.Advertise("slow", "p"), Wire.Advertise("quick", "p"));
        await provider.Settle();
        await caller.Send(Wire.Call("slow", 1));
        (await provider.Next())!.Call(); // and never replies

        await caller.Send(Wire.Call("quick", 2));
        await provider.Send(new ReplyMessage((await provider.Next())!.Call().CallId, Wire.Bytes("3")));
        Assert.Equal(Wire.Id(2), (await caller.Next())!.Reply().CallId);
    }

    [Fact]
    public async Task A_half_closed_stream_of_a_cancelled_call_comes_to_its_end()
    {
        var node = await TestNode.Start(this);
        var (_, provider) = await node.Join("p");
        var (peer, caller) = await node.Join("c");
        await provider.Send(Wire.Advertise("add", "p"));
        await provider.Settle();
        var stream = await peer.Open();
        await stream.Send(Wire.Call("add", 5));
        await stream.Finish();
        (await provider.Next())!.Call();
        await caller.Send(new CancelMessage(Wire.Id(5)));

        Assert.Null(await stream.Next());
        (await provider.Next())!.Cancel();
    }

    [Fact]
    [Trait("Defect", "D38")]
    public async Task A_client_that_comes_back_takes_over_and_can_be_called_at_once()
    {
        var node = await TestNode.Start(this);
        var (older, first) = await node.Join("roaming");
        var (_, caller) = await node.Join("c");
        await first.Send(Wire.Advertise("add", "roaming"));
        await first.Settle();

        var (newer, second) = await node.Join("roaming");
        await second.Send(Wire.Advertise("add", "roaming"));
        await second.Settle();
        Assert.Equal("session_superseded", (await first.Next())!.Disconnect().Reason.ToString());
        await caller.Send(Wire.Call("add"));
        (await second.Next())!.Call();

        newer.Die(); // while the older one is still about
        Assert.Equal("provider_gone", (await caller.Next())!.ErrorCode());
        older.Die();
        await this.Eventually(() => node.Census.Size("connections") == 1);
        await caller.Send(Wire.FindValue("add"));
        Assert.Equal(["c"], (await caller.Next())!.FoundValue().Nodes!.Select(known => known.NodeId.ToString()));
    }

    [Fact]
    public async Task A_routed_message_reaches_the_client_that_it_is_for_and_its_reply_the_source()
    {
        var node = await TestNode.Start(this);
        var (_, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        await a.Send(RpcRouteMessage.ForCall(NodeId.Parse("b"), NodeId.Parse("a"), Wire.Call("add", 3)));

        var route = (await b.Next())!.Route();
        Assert.True(route.IsCall);
        await b.Send(RpcRouteMessage.ForReply(route.Source, NodeId.Parse("b"), new ReplyMessage(Wire.Id(3), default)));
        Assert.True((await a.Next())!.Route().IsReply);
    }

    [Fact]
    [Trait("Defect", "D4")]
    [Trait("Defect", "D12")]
    public async Task One_client_more_than_there_may_be_is_told_so()
    {
        var node = await TestNode.Start(this, TestOptions.Defaults with
        {
            Clients = TestOptions.Defaults.Clients with { MaxClients = 1 },
        });
        var (first, stream) = await node.Join("a");
        var peer = await node.Connect();
        var refused = await peer.Open();
        await refused.Send(Wire.Connect("b"));

        var told = (await refused.Next())!.Disconnect();
        Assert.Equal("max_clients_reached", told.Reason.ToString());
        Assert.InRange(told.RetryAfter!.Value, 5000, 10_000);
        peer.Die();
        Assert.Empty(await stream.Settle());
        first.Die();
        await node.AssertEmpty();
        await node.Join("b");
    }

    [Fact]
    public async Task One_connection_more_than_there_may_be_is_closed_at_once()
    {
        var node = await TestNode.Start(this, TestOptions.Defaults with
        {
            Gateway = TestOptions.Defaults.Gateway with { MaxConnections = 1 },
        });
        var (first, _) = await node.Join("a");
        Assert.Equal(DisconnectReason.MaxClientsReached, await (await node.Connect()).Closed());
        Assert.Equal((1, 1), (node.Census.Size("connections"), node.Census.Table("connections").Rejected));

        first.Die();
        await node.AssertEmpty();
        await node.Join("b");
    }

    [Fact]
    public async Task A_shutdown_tells_every_client_and_stops_after_the_last()
    {
        var node = await TestNode.Start(this);
        List<(TestPeer Peer, TestStream Stream)> clients = [];
        for (var i = 0; i < 3; i++) clients.Add(await node.Join($"client-{i}"));
        var silent = await node.Connect();
        await this.Eventually(() => node.Census.Size("connections") == 4);
        Watch(node.Actor);
        node.Actor.Tell(GatewayProtocol.Shutdown.Instance);

        foreach (var (_, stream) in clients)
            Assert.Equal("shutting_down", (await stream.Next())!.Disconnect().Reason.ToString());
        foreach (var (peer, _) in clients.Skip(1)) await peer.Connection.CloseAsync(0).AsTask().Soon();
        await this.Eventually(() => node.Census.Size("connections") == 1);
        this.Advance(TestOptions.Defaults.Gateway.CloseGrace);

        Assert.Equal(DisconnectReason.ShuttingDown, await clients[0].Peer.Closed());
        Assert.Equal(DisconnectReason.ShuttingDown, await silent.Closed());
        await ExpectTerminatedAsync(node.Actor, SpecExtensions.Deadline);
        Assert.Equal(4, node.Meters.Total("macula.connections.closed"));
        await Assert.ThrowsAsync<QuicTransportException>(() => node.Connect());
    }

    [Fact]
    public async Task A_drain_tells_clients_a_batch_at_a_time_where_to_go_and_strangers_last()
    {
        var node = await TestNode.Start(this, Draining);
        var clients = await JoinMany(node, 3);
        var silent = await node.Connect();
        await this.Eventually(() => node.Census.Size("connections") == 4);
        Watch(node.Actor);
        node.Actor.Tell(new GatewayProtocol.Shutdown(TimeSpan.FromMinutes(1)));

        // The newest first, one per interval.
        foreach (var (peer, stream) in clients.AsEnumerable().Reverse())
        {
            var told = (await stream.Next())!.Disconnect();
            Assert.Equal("draining", told.Reason.ToString());
            Assert.InRange(told.RetryAfter!.Value, 5000, 10_000);
            foreach (var other in clients.TakeWhile(each => each.Stream != stream)) Assert.Empty(await other.Stream.Settle());
            await peer.Connection.CloseAsync(0).AsTask().Soon();
            this.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(DisconnectReason.ShuttingDown, await silent.Closed());
        await ExpectTerminatedAsync(node.Actor, SpecExtensions.Deadline);
        Assert.Equal(3, node.Meters.Total("macula.clients.closed", "ended"));
    }

    [Fact]
    public async Task Whoever_was_not_told_when_the_time_for_draining_is_over_is_told_at_once()
    {
        var node = await TestNode.Start(this, Draining);
        var clients = await JoinMany(node, 3);
        Watch(node.Actor);
        node.Actor.Tell(new GatewayProtocol.Shutdown(TimeSpan.FromMilliseconds(500)));
        Assert.Equal("draining", (await clients[2].Stream.Next())!.Disconnect().Reason.ToString());
        this.Advance(TimeSpan.FromMilliseconds(500));

        foreach (var (_, stream) in clients[..2])
            Assert.Equal("shutting_down", (await stream.Next())!.Disconnect().Reason.ToString());
        foreach (var (peer, _) in clients) await peer.Connection.CloseAsync(0).AsTask().Soon();
        await ExpectTerminatedAsync(node.Actor, SpecExtensions.Deadline);
    }

    [Fact]
    public async Task Whoever_comes_while_the_node_drains_is_told_to_go_elsewhere()
    {
        var node = await TestNode.Start(this, Draining);
        await JoinMany(node, 2);
        node.Actor.Tell(new GatewayProtocol.Shutdown(TimeSpan.FromMinutes(1)));
        await this.Handled(node.Actor);
        var peer = await node.Connect();
        var late = await peer.Open();
        await late.Send(Wire.Connect("late"));

        Assert.Equal("draining", (await late.Next())!.Disconnect().Reason.ToString());
    }

    private static GatewaySettings Draining => TestOptions.Defaults with
    {
        Clients = TestOptions.Defaults.Clients with { DrainBatch = 1, DrainInterval = TimeSpan.FromSeconds(1) },
    };

    private static async Task<List<(TestPeer Peer, TestStream Stream)>> JoinMany(TestNode node, int count)
    {
        List<(TestPeer Peer, TestStream Stream)> clients = [];
        for (var i = 0; i < count; i++) clients.Add(await node.Join($"client-{i}"));
        return clients;
    }

    [Fact]
    [Trait("Defect", "D55")]
    public async Task A_node_whose_listener_has_ended_does_not_go_on_as_if_it_heard_anyone()
    {
        var node = await TestNode.Start(this);
        Watch(node.Actor);
        Sys.ActorSelection(node.Actor.Path / "listener-1").Tell(PoisonPill.Instance, TestActor);

        await ExpectTerminatedAsync(node.Actor, SpecExtensions.Deadline);
    }

    [Fact]
    public async Task A_node_without_clients_stops_at_once()
    {
        var node = await TestNode.Start(this);
        Watch(node.Actor);
        node.Actor.Tell(GatewayProtocol.Shutdown.Instance);

        await ExpectTerminatedAsync(node.Actor, SpecExtensions.Deadline);
    }

    [Fact]
    [Trait("Defect", "D55")]
    public async Task An_address_that_is_taken_is_told_to_whoever_asks()
    {
        var node = await TestNode.Start(this);
        var listener = await node.Edge.Provider.ListenAsync(MemoryEdge.Listen);
        var taken = MemoryEdge.Listen with { EndPoint = listener.LocalEndPoint };
        var second = Sys.ActorOf(GatewayActor.Props(
            TestOptions.Defaults, TestNode.Id, TestOptions.Realm,
            new NodeEdge(node.Edge.Provider, [taken], MemoryEdge.Dial, node.Memory), new TableCensus(),
            node.Metrics));

        var error = await Assert.ThrowsAsync<QuicTransportException>(() =>
            second.Ask<GatewayProtocol.Ready>(GatewayProtocol.GetReady.Instance, SpecExtensions.Deadline));
        Assert.Equal(QuicTransportError.AddressInUse, error.Error);
    }

    [Theory]
    [Trait("Defect", "D14")]
    [Trait("Defect", "D55")]
    [InlineData("com.macula.diagnostics.hello", "{}", "Hello from Macula Gateway!")]
    [InlineData("com.macula.diagnostics.echo", "{\"a\":[1,2]}", "\"echo\":{\"a\":[1,2]}")]
    [InlineData("com.macula.diagnostics.echo", "no json", "\"echo\":\"bm8ganNvbg==\"")]
    [InlineData("com.macula.diagnostics.info", "{}", "otp_version")]
    [InlineData("com.macula.diagnostics.tables", "{}", "\"clients\":{\"size\":1")]
    [InlineData("com.macula.diagnostics.memory", "{}", "\"resident\":")]
    [InlineData("com.macula.diagnostics.memory", "{}", "\"live\":")]
    [InlineData("com.macula.diagnostics.memory", "{}", "\"native_live\":")]
    public async Task The_node_answers_questions_about_itself(string procedure, string args, string expected)
    {
        var node = await TestNode.Start(this);
        var (_, stream) = await node.Join("a");
        await stream.Send(Wire.Call(procedure, args: args));

        var reply = (await stream.Next())!.Reply();
        Assert.Null(reply.Error);
        Assert.Contains(expected, Wire.Text(reply.Result), StringComparison.Ordinal);
        Assert.Contains("\"timestamp\":", Wire.Text(reply.Result), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("1e99999")]
    public async Task Whatever_the_arguments_are_the_echo_answers(string args) => await AssertEchoed(Wire.Bytes(args));

    [Fact]
    public async Task Arguments_that_are_no_text_at_all_are_answered() =>
        await AssertEchoed([(byte)'"', 0xff, 0xfe, 0xc0, (byte)'"']);

    [Fact]
    public async Task Arguments_that_are_nested_too_deep_are_answered() =>
        await AssertEchoed(Wire.Bytes(new string('[', 5000) + new string(']', 5000)));

    private async Task AssertEchoed(byte[] args)
    {
        var node = await TestNode.Start(this);
        var (_, stream) = await node.Join("a");
        for (var i = 0; i < 2; i++)
        {
            await stream.Send(Wire.Call("com.macula.diagnostics.echo", i) with { Args = args });
            Assert.Null((await stream.Next())!.Reply().Error);
        }
    }
}
