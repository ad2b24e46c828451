using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Gateway;

public sealed class ClientConnectionActorSpecs : TestKit
{
    private static readonly GatewayOptions Options = TestOptions.Defaults.Gateway with
    {
        ConnectTimeout = TimeSpan.FromSeconds(5),
        MaxConnectSize = 4096,
        MaxFrameSize = 100_000,
        MaxFramesInFlight = 1, // so that a frame whose credit is not returned is noticed at the next one
        MaxBytesAssembling = 4 * 1024 * 1024,
        OutboundMaxFrames = 8,
        CloseGrace = TimeSpan.FromSeconds(1),
    };

    private readonly TestMeters _meters = new();
    private readonly MemoryEdge _edge = new();
    private readonly BoundedTable _dedupeIds = new("pubsub.dedupe_ids", 100);
    private readonly GatewayMetrics _metrics;
    private readonly TestProbe _clients;
    private readonly TestProbe _pubSub;
    private readonly TestProbe _registry;
    private readonly TestProbe _rpc;
    private IActorRef _actor = ActorRefs.Nobody;

    public ClientConnectionActorSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log)
    {
        _metrics = new GatewayMetrics(_meters, new TableCensus());
        (_clients, _pubSub, _registry, _rpc) =
            (CreateTestProbe(), CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
    }

    [Fact]
    [Trait("Defect", "D4")]
    public async Task A_client_is_admitted_made_known_and_welcomed_with_the_nodes_clock()
    {
        var peer = await Connect();
        var stream = await peer.Open();
        await stream.Send(Wire.Connect("sensor") with { Endpoint = (Utf8Text?)(Utf8Text)"https://sensor:1" });

        var connect = await Expect<ClientProtocol.Connect>(_clients);
        Assert.Equal(
            ("sensor", TestOptions.Realm, "https://sensor:1", peer.Connection.LocalEndPoint.ToString()),
            (connect.Client.Node.ToString(), connect.Client.Realm, connect.Client.Endpoint, connect.Client.Address));
        Assert.Equal(["pubsub", "rpc"], connect.Client.Capabilities);
        Assert.Equal(_actor, connect.Stream.Connection);

        _clients.Reply(new ClientProtocol.Admitted(connect.Client.Node));
        var seen = await Expect<RegistryProtocol.NodeSeen>(_registry);
        Assert.Equal("sensor", seen.Node.ToString());
        var pong = (await stream.Next())!.Pong();
        Assert.Equal(Sys.Scheduler.Now.ToUnixTimeMilliseconds(), (long)pong.Timestamp);
        Assert.Equal(pong.Timestamp, pong.ServerTime);
    }

    [Theory]
    [Trait("Defect", "D44")]
    [InlineData("com.other", "wrong_realm")]
    [InlineData("com.example.Realm", "wrong_realm")]
    [InlineData("", "wrong_realm")]
    public async Task Another_realm_is_told_and_closed(string realm, string reason)
    {
        await AssertRefused(Wire.Connect(realm: realm).ToFrame(), reason);
        Assert.False(_clients.HasMessages);
    }

    [Fact]
    public async Task A_connect_that_cannot_be_read_is_told_and_closed()
    {
        var told = await AssertRefused(Wire.Frame(FrameType.Connect, 0x80), "malformed_connect");
        Assert.Contains("version", told.Message.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Defect", "D39")]
    public async Task A_connect_without_a_node_id_gets_no_further_than_its_connection()
    {
        var connect = Wire.Connect().ToFrame();
        "node_ix"u8.CopyTo(connect.AsSpan(connect.AsSpan().IndexOf("node_id"u8))); // unknown fields are ignored

        var told = await AssertRefused(connect, "malformed_connect");
        Assert.Contains("node_id", told.Message.ToString(), StringComparison.Ordinal);
        Assert.False(_clients.HasMessages || _registry.HasMessages);
    }

    [Fact]
    [Trait("Defect", "D47")]
    public Task A_first_frame_that_is_no_connect_is_told_and_closed() =>
        AssertRefused(Wire.Publish("a").ToFrame(), "not_authorized");

    [Fact]
    public Task A_first_frame_that_is_too_large_is_told_and_closed() =>
        AssertRefused(Wire.Frame(FrameType.Connect, new byte[4097])[..8], "frame_too_large");

    [Fact]
    public Task A_stream_that_speaks_another_protocol_is_told_and_closed() =>
        AssertRefused(Wire.Bytes("GET / HTTP/1.1\r\n"), "protocol_error");

    [Fact]
    public async Task Without_a_connect_in_time_the_connection_is_closed()
    {
        var peer = await Connect();
        this.Advance(Options.ConnectTimeout);

        Assert.Equal(DisconnectReason.ConnectTimeout, await peer.Closed());
        await Ended("connect_timeout");
    }

    [Fact]
    public async Task With_half_a_connect_in_time_the_peer_is_told_before_it_is_closed()
    {
        var peer = await Connect();
        var stream = await peer.Open();
        await stream.Send(Wire.Connect().ToFrame().AsMemory(0, 20));
        await this.Eventually(() => _streams == 1);
        this.Advance(Options.ConnectTimeout);

        Assert.Equal("connect_timeout", (await stream.Next())!.Disconnect().Reason.ToString());
    }

    [Fact]
    public async Task An_admission_that_never_comes_times_out()
    {
        var peer = await Connect();
        var stream = await peer.Open();
        await stream.Send(Wire.Connect());
        await Expect<ClientProtocol.Connect>(_clients);
        await this.Handled(_actor);
        this.Advance(Options.ConnectTimeout);

        Assert.Equal("connect_timeout", (await stream.Next())!.Disconnect().Reason.ToString());
        await AssertClosed(peer, "connect_timeout");
    }

    [Fact]
    public async Task An_admitted_client_is_not_timed_out()
    {
        var (_, stream) = await Join();
        this.Advance(Options.ConnectTimeout * 10);

        Assert.Empty(await stream.Settle());
    }

    [Fact]
    public async Task A_client_that_is_refused_learns_when_to_try_again()
    {
        var peer = await Connect();
        var stream = await peer.Open();
        await stream.Send(Wire.Connect());
        await Expect<ClientProtocol.Connect>(_clients);
        _clients.Reply(new ClientProtocol.Refused(
            NodeId.Parse("client"), DisconnectReason.MaxClientsReached, TimeSpan.FromSeconds(5)));

        var told = (await stream.Next())!.Disconnect();
        Assert.Equal(("max_clients_reached", 5000), (told.Reason.ToString(), told.RetryAfter));
        Assert.Null(await stream.Next());
        await AssertClosed(peer, "max_clients_reached");
    }

    [Fact]
    public async Task A_peer_that_leaves_as_told_is_not_waited_for()
    {
        var (peer, stream) = await Join();
        _actor.Tell(new ConnectionProtocol.Close(DisconnectReason.ShuttingDown, "Bye."));
        Assert.Equal("shutting_down", (await stream.Next())!.Disconnect().Reason.ToString());

        await peer.Connection.CloseAsync(0).AsTask().Soon();
        await Ended("shutting_down");
    }

    [Fact]
    [Trait("Defect", "D44")]
    public async Task A_peer_that_stays_when_told_to_go_is_closed_after_the_grace()
    {
        var (peer, stream) = await Join();
        _actor.Tell(new ConnectionProtocol.Close(DisconnectReason.ShuttingDown, "Bye."));
        await stream.Next();
        _actor.Tell(new ConnectionProtocol.Close(DisconnectReason.Draining, "Again."));
        await AssertClosed(peer, "shutting_down");
    }

    [Fact]
    public async Task A_superseded_session_is_told_and_closed()
    {
        var (peer, stream) = await Join();
        _actor.Tell(ClientProtocol.Superseded.Instance);

        Assert.Equal("session_superseded", (await stream.Next())!.Disconnect().Reason.ToString());
        await AssertClosed(peer, "session_superseded");
    }

    [Fact]
    public async Task A_client_that_says_goodbye_is_let_go_in_order()
    {
        var (peer, stream) = await Join();
        await stream.Send(new DisconnectMessage("normal", "Bye."));

        Assert.Equal(DisconnectReason.Normal, await peer.Closed());
        await Ended("normal");
    }

    [Fact]
    [Trait("Defect", "D5")]
    public async Task The_end_of_the_connection_ends_the_actor()
    {
        var (peer, _) = await Join();
        peer.Die();

        await Ended("peer_gone");
    }

    [Fact]
    public async Task A_ping_is_answered_with_its_own_time_and_the_nodes()
    {
        var (_, stream) = await Join();
        await stream.Send(new PingMessage(-5));

        var pong = (await stream.Next())!.Pong();
        Assert.Equal((-5, Sys.Scheduler.Now.ToUnixTimeMilliseconds()), ((int)pong.Timestamp, (long)pong.ServerTime));
    }

    [Fact]
    public async Task Each_message_comes_to_whom_it_concerns_with_its_credit()
    {
        var (_, stream) = await Join();
        await stream.Send(Wire.Publish("a.b", qos: 0));
        var publish = await Expect<PubSubProtocol.Publish>(_pubSub);
        Assert.Equal((FrameDelivery.Droppable, "a.b"), (publish.Delivery, publish.Topic.ToString()));
        Assert.Equal(Wire.Publish("a.b").ToFrame(), publish.Frame.ToArray());
        await stream.Send(Wire.Publish("a.b", qos: 1));
        publish.Lease.Return();

        publish = await Expect<PubSubProtocol.Publish>(_pubSub);
        Assert.Equal(FrameDelivery.Required, publish.Delivery);
        publish.Lease.Return();

        await stream.Send(Wire.Subscribe("a", "b"));
        var subscribe = await Expect<PubSubProtocol.Subscribe>(_pubSub);
        Assert.Equal(["a", "b"], subscribe.Patterns.Select(pattern => pattern.ToString()));
        Assert.All(subscribe.Patterns, pattern => Assert.Equal(pattern.Length, Whole(pattern.Bytes))); // no slices
        subscribe.Lease.Return();
        await stream.Send(Wire.Unsubscribe("a"));
        (await Expect<PubSubProtocol.Unsubscribe>(_pubSub)).Lease.Return();
        await stream.Send(Wire.Call("add"));
        (await Expect<RpcProtocol.Call>(_rpc)).Lease.Return();
        await stream.Send(new ReplyMessage(Wire.Id(1), default));
        (await Expect<RpcProtocol.Reply>(_rpc)).Lease.Return();
        await stream.Send(new CancelMessage(Wire.Id(1)));
        (await Expect<RpcProtocol.Cancel>(_rpc)).Lease.Return();
        await stream.Send(RpcRouteMessage.ForCall(NodeId.Parse("a"), NodeId.Parse("b"), Wire.Call("add")));
        (await Expect<RpcProtocol.Route>(_rpc)).Lease.Return();
        await stream.Send(Wire.Advertise("add", "client"));
        var store = await Expect<RegistryProtocol.Store>(_registry);
        Assert.Equal("client", store.Sender.ToString());
        store.Lease.Return();
        await stream.Send(Wire.FindValue("add"));
        (await Expect<RegistryProtocol.FindValue>(_registry)).Lease.Return();
        await stream.Send(new FindNodeMessage(new byte[32]));
        (await Expect<RegistryProtocol.FindNode>(_registry)).Lease.Return();

        Assert.Empty(await stream.Settle());
        Assert.Equal(0, _meters.Total("macula.frames.skipped"));
    }

    [Theory]
    [InlineData(false, "1", Retention.None)]
    [InlineData(false, "", Retention.None)]
    [InlineData(true, "1", Retention.Keep)]
    [InlineData(true, "", Retention.Clear)]
    public async Task A_publication_says_what_it_means_for_later_subscribers(bool retain, string payload, Retention expected)
    {
        var (_, stream) = await Join();
        await stream.Send(Wire.Publish("a", payload) with { Retain = retain });

        Assert.Equal(expected, (await Expect<PubSubProtocol.Publish>(_pubSub)).Retention);
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task A_repeat_of_a_message_that_must_arrive_is_not_passed_on()
    {
        var (peer, stream) = await Join();
        var other = await peer.Open();
        for (var i = 0; i < 3; i++) // as clients of the reference do, the flag lost on repeats
        {
            await stream.Send(Wire.Publish("a", qos: 1) with { Retain = i == 0 });
            await stream.Send(Wire.Publish("b", qos: 0)); // has the same id and no promise
            if (i == 0) (await Expect<PubSubProtocol.Publish>(_pubSub)).Lease.Return();
            (await Expect<PubSubProtocol.Publish>(_pubSub)).Lease.Return();
            Assert.Empty(await stream.Settle());
            this.Advance(TimeSpan.FromSeconds(5));
        }

        await other.Send(Wire.Publish("c", qos: 2)); // ids are unique per stream
        Assert.Equal("c", (await Expect<PubSubProtocol.Publish>(_pubSub)).Topic.ToString());
        Assert.False(_pubSub.HasMessages);
        Assert.Equal((2, 2), (_meters.Total("macula.pubsub.duplicates"), _dedupeIds.Size));
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task Message_ids_are_forgotten_after_the_window_and_with_their_stream_and_their_connection()
    {
        var (peer, stream) = await Join();
        await stream.Send(Wire.Publish("a", qos: 1));
        (await Expect<PubSubProtocol.Publish>(_pubSub)).Lease.Return();
        await stream.Settle();
        Assert.Equal(1, _dedupeIds.Size);
        this.Advance(TestOptions.Defaults.PubSub.DedupeWindow);
        await this.Eventually(() => _dedupeIds.Size == 0);
        Assert.Equal(1, _dedupeIds.Expiries);

        await stream.Send(Wire.Publish("a", qos: 1));
        (await Expect<PubSubProtocol.Publish>(_pubSub)).Lease.Return();
        var other = await peer.Open();
        await other.Send(Wire.Publish("a", qos: 1));
        (await Expect<PubSubProtocol.Publish>(_pubSub)).Lease.Return();
        await this.Eventually(() => _dedupeIds.Size == 2);
        other.Abort();
        await this.Eventually(() => _dedupeIds.Size == 1);

        peer.Die();
        await this.Eventually(() => _dedupeIds.Size == 0);
    }

    [Fact]
    [Trait("Defect", "D6")]
    public async Task Credit_is_returned_for_every_frame_that_goes_nowhere()
    {
        var (_, stream) = await Join();
        byte[][] rubbish = [[], [0x07], [0x80], [0xc1], [0x81, 0xc4, 0x05], new byte[2000]];
        var types = Enum.GetValues<FrameType>().Where(type => type is not (FrameType.Connect or FrameType.Disconnect));
        foreach (var type in types)
        {
            foreach (var payload in rubbish)
            {
                // {} is a SUBSCRIBE of nothing and an UNSUBSCRIBE of nothing; DHT requests without a type are answered.
                await stream.Send(Wire.Frame(type, payload));
                if (type == FrameType.Unsubscribe && payload is [0x80])
                    (await Expect<PubSubProtocol.Unsubscribe>(_pubSub)).Lease.Return();
                await stream.Settle();
            }
        }

        await stream.Send(Wire.Frame((FrameType)0x99, 1, 2, 3));
        await stream.Send(Wire.Publish(new string('x', 1025)));
        await stream.Send(Wire.Publish(string.Join('.', Enumerable.Repeat("x", 65))));
        await stream.Settle();
        Assert.False(_pubSub.HasMessages || _registry.HasMessages || _rpc.HasMessages);
    }

    [Theory]
    [InlineData(FrameType.FindValue, true)]
    [InlineData(FrameType.FindNode, true)]
    [InlineData(FrameType.Store, false)]
    [InlineData(FrameType.FindNodeReply, false)]
    public async Task A_lookup_without_its_inner_type_is_told_so(FrameType type, bool answered)
    {
        var (_, stream) = await Join();
        await stream.Send(Wire.Frame(type, 0x80));

        var answers = await stream.Settle();
        if (answered) Assert.Equal("unknown_message", Assert.Single(answers).FoundValue().Reason?.ToString());
        else Assert.Empty(answers);
    }

    [Fact]
    public async Task A_stream_that_the_peer_finished_gets_its_answers_and_then_its_end()
    {
        var (peer, _) = await Join();
        var stream = await peer.Open();
        await stream.Send(Wire.Call("add"));
        await stream.Finish();
        var call = await Expect<RpcProtocol.Call>(_rpc);
        call.Lease.Return();
        await this.Handled(_actor);
        call.Caller.TrySend(new ReplyMessage(Wire.Id(1), Wire.Bytes("3")).ToFrame(), FrameDelivery.Answer);

        Assert.Equal("3", Wire.Text((await stream.Next())!.Reply().Result));
        Assert.Null(await stream.Next());
        Assert.False(call.Caller.TrySend(Wire.Publish("x").ToFrame(), FrameDelivery.Required));
        Assert.False(_pubSub.HasMessages || _registry.HasMessages); // nothing was subscribed or advertised there
    }

    [Fact]
    public async Task Of_a_stream_that_the_peer_resets_while_it_waits_for_an_answer_the_concern_of_calls_is_told()
    {
        var (peer, _) = await Join();
        var (answered, waiting) = (await peer.Open(), await peer.Open());
        await answered.Send(Wire.Call("add", 1));
        var first = await Expect<RpcProtocol.Call>(_rpc);
        first.Lease.Return();
        first.Caller.TrySend(new ReplyMessage(Wire.Id(1), Wire.Bytes("3")).ToFrame(), FrameDelivery.Answer);
        await answered.Next();
        await waiting.Send(Wire.Call("add", 2));
        var second = await Expect<RpcProtocol.Call>(_rpc);
        second.Lease.Return();
        answered.Abort();
        waiting.Abort();

        Assert.Same(second.Caller, (await Expect<RpcProtocol.StreamEnded>(_rpc)).Stream);
        await this.Handled(_actor);
        Assert.False(_rpc.HasMessages || _pubSub.HasMessages || _registry.HasMessages);
    }

    [Fact]
    public async Task A_stream_that_was_subscribed_on_stays_when_the_peer_finished_it()
    {
        var (peer, first) = await Join();
        var stream = await peer.Open();
        await stream.Send(Wire.Subscribe("a"));
        await stream.Finish();
        var subscribe = await Expect<PubSubProtocol.Subscribe>(_pubSub);
        subscribe.Lease.Return();
        await first.Settle();

        Assert.True(subscribe.Subscriber.TrySend(Wire.Publish("a").ToFrame(), FrameDelivery.Droppable));
        Assert.Equal("a", (await stream.Next())!.Publish().Topic.ToString());
    }

    [Fact]
    public async Task Streams_on_which_nothing_can_be_answered_are_given_back_unread_and_harm_nobody()
    {
        var (peer, first) = await Join();
        for (var i = 0; i < 3 * MemoryEdge.UnidirectionalStreams; i++)
        {
            var stream = await peer.Connection.OpenUnidirectionalStreamAsync().AsTask().Soon();
            await stream.Output.WriteAsync(Wire.Subscribe("a").ToFrame()).AsTask().Soon();
            await stream.Closed.Soon(); // stopped by the node, so that it counts no longer
            Assert.NotNull(stream.StopCode);
        }

        await first.Settle();
        await first.Send(Wire.Subscribe("b"));
        var subscribe = await Expect<PubSubProtocol.Subscribe>(_pubSub);
        Assert.Equal("b", Assert.Single(subscribe.Patterns).ToString());
        subscribe.Lease.Return();
    }

    [Fact]
    [Trait("Defect", "D5")]
    public async Task The_end_of_a_stream_is_told_to_those_who_may_know_it()
    {
        var (peer, _) = await Join();
        var quic = await peer.Connection.OpenStreamAsync().AsTask().Soon();
        var stream = new TestStream(quic);
        await stream.Send(Wire.Subscribe("a"));
        var subscribe = await Expect<PubSubProtocol.Subscribe>(_pubSub);
        subscribe.Lease.Return();
        quic.Abort(QuicAbortDirection.Both, 0);
        await this.Eventually(() => !subscribe.Subscriber.TrySend(Wire.Publish("a").ToFrame(), FrameDelivery.Droppable));

        Assert.Same(subscribe.Subscriber, (await Expect<PubSubProtocol.StreamEnded>(_pubSub)).Subscriber);
        Assert.Same(subscribe.Subscriber, (await Expect<RegistryProtocol.StreamEnded>(_registry)).Stream);
    }

    [Fact]
    public async Task A_client_may_connect_again_under_another_id_and_on_another_stream()
    {
        var (peer, _) = await Join();
        var second = await peer.Open();
        await second.Send(Wire.Connect("renamed"));
        var connect = await Expect<ClientProtocol.Connect>(_clients);
        _clients.Reply(new ClientProtocol.Admitted(connect.Client.Node));
        (await second.Next())!.Pong();
        var seen = await Expect<RegistryProtocol.NodeSeen>(_registry);
        Assert.Equal("renamed", seen.Node.ToString());
        seen.Lease.Return();

        await second.Send(Wire.Advertise("add", "renamed"));
        Assert.Equal("renamed", (await Expect<RegistryProtocol.Store>(_registry)).Sender.ToString());
    }

    [Fact]
    public async Task No_client_can_fill_a_mailbox_with_connects()
    {
        var (_, stream) = await Join();
        for (var i = 0; i < 5; i++) await stream.Send(Wire.Connect());
        await Expect<ClientProtocol.Connect>(_clients);
        await this.Handled(_actor);
        Assert.False(_clients.HasMessages); // max-frames-in-flight is 1

        _clients.Reply(new ClientProtocol.Admitted(NodeId.Parse("client")));
        var seen = await Expect<RegistryProtocol.NodeSeen>(_registry);
        await this.Handled(_actor);
        Assert.False(_clients.HasMessages);
        seen.Lease.Return();
        await Expect<ClientProtocol.Connect>(_clients);
    }

    [Fact]
    public async Task A_later_frame_out_of_step_closes_the_connection()
    {
        var (peer, stream) = await Join();
        var second = await peer.Open();
        await second.Send(Wire.Bytes("nonsense"));

        Assert.Equal("protocol_error", (await stream.Next())!.Disconnect().Reason.ToString());
        await AssertClosed(peer, "protocol_error");
    }

    [Fact]
    [Trait("Defect", "D48")]
    public async Task A_later_frame_above_the_limit_closes_the_connection()
    {
        var (peer, stream) = await Join();
        await stream.Send(Wire.Frame(FrameType.Publish, new byte[100_001]).AsMemory(0, 8));

        Assert.Equal("frame_too_large", (await stream.Next())!.Disconnect().Reason.ToString());
        await AssertClosed(peer, "frame_too_large");
    }

    [Fact]
    public async Task A_frame_may_be_larger_than_the_receive_window()
    {
        var (peer, stream) = await Join(receiveWindow: 1024);
        var other = await peer.Open();
        var large = Wire.Publish("a", new string('x', 90_000));
        await Task.WhenAll(stream.Send(large, large, Wire.Publish("b")), other.Send(large)).Soon();

        List<string> topics = [];
        for (var i = 0; i < 4; i++)
        {
            var publish = await Expect<PubSubProtocol.Publish>(_pubSub);
            if (publish.Topic.ToString() == "a") Assert.Equal(large.ToFrame(), publish.Frame.ToArray());
            topics.Add(publish.Topic.ToString());
            publish.Lease.Return();
        }

        Assert.Equal(["a", "a", "a", "b"], topics.Order());
    }

    [Theory]
    [Trait("Defect", "D47")]
    [InlineData(PeerStreams.Authenticated, true, true)]
    [InlineData(PeerStreams.Authenticated, false, false)]
    [InlineData(PeerStreams.Open, false, true)]
    [InlineData(PeerStreams.Off, true, false)]
    public async Task Streams_of_mesh_peers_are_read_as_the_setting_says(PeerStreams setting, bool certificate, bool read)
    {
        var peer = await Connect(Options with { PeerStreams = setting }, certificate);
        var stream = await peer.Open();
        await stream.Send(Wire.Advertise("add", "far"));
        if (!read)
        {
            Assert.Equal("not_authorized", (await stream.Next())!.Disconnect().Reason.ToString());
            return;
        }

        var store = await Expect<RegistryProtocol.Store>(_registry);
        Assert.True(store.Sender.IsEmpty);
        store.Lease.Return();
        var second = await peer.Open();
        await second.Send(Wire.FindValue("add"));
        var find = await Expect<RegistryProtocol.FindValue>(_registry);
        find.Lease.Return();
        find.Stream.TrySend(FindValueReplyMessage.Missed([]).ToFrame(), FrameDelivery.Answer);
        Assert.Empty((await second.Next())!.FoundValue().Nodes!);
        Assert.Null(await second.Next()); // one frame per stream: it is over with its answer

        this.Advance(Options.ConnectTimeout * 2);
        await this.Handled(_actor);
        Assert.False(peer.Connection.Closed.IsCompleted);
    }

    [Fact]
    public async Task Even_an_authenticated_peer_must_connect_before_it_acts_as_a_client()
    {
        var peer = await Connect(certificate: true);
        var stream = await peer.Open();
        await stream.Send(Wire.Publish("a"));

        Assert.Equal("not_authorized", (await stream.Next())!.Disconnect().Reason.ToString());
        Assert.False(_pubSub.HasMessages);
    }

    [Theory]
    [InlineData(SlowConsumerPolicy.DropOldest, false)]
    [InlineData(SlowConsumerPolicy.DropNewest, false)]
    [InlineData(SlowConsumerPolicy.Disconnect, true)]
    public async Task A_subscriber_that_reads_nothing_is_treated_as_the_policy_says(SlowConsumerPolicy policy, bool closed)
    {
        var (peer, stream) = await Join(Options with { SlowConsumer = policy }, window: 1024);
        await stream.Send(Wire.Subscribe("a"));
        var subscribe = await Expect<PubSubProtocol.Subscribe>(_pubSub);
        subscribe.Lease.Return();
        var frame = Wire.Publish("a", new string('x', 90_000)).ToFrame(); // far above what fits on the way
        for (var i = 0; i < 50; i++) subscribe.Subscriber.TrySend(frame, FrameDelivery.Droppable);
        await this.Handled(_actor);
        if (closed)
        {
            Assert.Equal(DisconnectReason.SlowConsumer, await peer.Closed()); // at once, and by the code alone
            await Ended("slow_consumer");
            return;
        }

        Assert.InRange(_meters.Total("macula.outbound.dropped"), 30, 49);
        for (var left = 50 - _meters.Total("macula.outbound.dropped"); left > 0; left--)
            (await stream.Next())!.Publish();
        Assert.Empty(await stream.Settle());
    }

    [Fact]
    public async Task A_client_that_takes_no_answers_is_disconnected_under_every_policy()
    {
        var (peer, stream) = await Join(window: 1024);
        await stream.Send(Wire.Call("add"));
        var call = await Expect<RpcProtocol.Call>(_rpc);
        var frame = new ReplyMessage(Wire.Id(1), new byte[90_000]).ToFrame();
        for (var i = 0; i < 50; i++) call.Caller.TrySend(frame, FrameDelivery.Answer);

        Assert.Equal(DisconnectReason.SlowConsumer, await peer.Closed());
        await Ended("slow_consumer");
    }

    [Fact]
    [Trait("Defect", "D5")]
    public async Task A_client_that_gives_the_stream_of_its_CONNECT_up_is_gone()
    {
        var (peer, stream) = await Join();
        stream.Abort();

        // The reset makes its way through the reader and the writer; the time for grace counts from its arrival.
        await this.Eventually(() =>
        {
            this.Advance(Options.CloseGrace);
            return peer.Connection.Closed.IsCompleted;
        });
        Assert.Equal(DisconnectReason.Normal, await peer.Closed());
        await Ended("normal");
    }

    private int _streams;

    private async Task<TestPeer> Connect(
        GatewayOptions? options = null, bool certificate = false, int window = 256 * 1024,
        int receiveWindow = 256 * 1024)
    {
        var listener = await _edge.Provider.ListenAsync(MemoryEdge.Listen with
        {
            StreamReceiveWindow = receiveWindow,
            ConnectionReceiveWindow = 2 * receiveWindow,
        });
        var peer = await _edge.Connect(listener.LocalEndPoint, certificate, window);
        var connection = await listener.AcceptConnectionAsync().AsTask().Soon();
        var identity = new GatewayIdentity(NodeId.Parse("gateway"), TestOptions.Realm, TestOptions.Defaults.PubSub);
        var neighbours = new Neighbours(_clients, _pubSub, _registry, _rpc, ActorRefs.Nobody);
        options ??= Options;
        ConnectionMailbox.Configure(Sys);
        _actor = Sys.ActorOf(ClientConnectionActor.Props(
            new CountingConnection(connection, () => Interlocked.Increment(ref _streams)),
            new ConnectionEnvironment(identity, options, neighbours, _dedupeIds, _metrics, options.NewOutbound())));
        await this.Handled(_actor); // its timer runs
        return peer;
    }

    private async Task<(TestPeer, TestStream)> Join(
        GatewayOptions? options = null, int window = 256 * 1024, int receiveWindow = 256 * 1024)
    {
        var peer = await Connect(options, window: window, receiveWindow: receiveWindow);
        var stream = await peer.Open();
        await stream.Send(Wire.Connect());
        await Expect<ClientProtocol.Connect>(_clients);
        _clients.Reply(new ClientProtocol.Admitted(NodeId.Parse("client")));
        (await Expect<RegistryProtocol.NodeSeen>(_registry)).Lease.Return();
        (await stream.Next())!.Pong();
        return (peer, stream);
    }

    private async Task<DisconnectMessage> AssertRefused(byte[] first, string reason)
    {
        var peer = await Connect();
        var stream = await peer.Open();
        await stream.Send(first);
        var told = (await stream.Next())!.Disconnect();
        Assert.Equal(reason, told.Reason.ToString());
        Assert.Null(await stream.Next());
        await AssertClosed(peer, reason);
        return told;
    }

    private async Task AssertClosed(TestPeer peer, string reason)
    {
        await this.Handled(_actor);
        Assert.False(peer.Connection.Closed.IsCompleted);
        this.Advance(Options.CloseGrace);
        Assert.Equal(DisconnectReasons.ByText(reason), await peer.Closed());
        await Ended(reason);
    }

    private async Task Ended(string reason)
    {
        var watcher = CreateTestProbe();
        watcher.Watch(_actor);
        await watcher.ExpectTerminatedAsync(_actor, SpecExtensions.Deadline);
        Assert.Equal((1, 1), (_meters.Total("macula.connections.closed"), _meters.Total("macula.connections.closed", reason)));
    }

    private static int Whole(ReadOnlyMemory<byte> slice) =>
        MemoryMarshal.TryGetArray(slice, out var array) ? array.Array!.Length : -1;

    private static async Task<T> Expect<T>(TestProbe probe) => await probe.ExpectMsgAsync<T>(SpecExtensions.Deadline);
}
