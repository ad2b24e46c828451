using System.Buffers;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using Macula.Actors.Transport;
using static Macula.Actors.Gateway.ConnectionEvents;

namespace Macula.Actors.Gateway;

/// <summary>One QUIC connection: admits its peer, brings its frames to whom they concern, and ends it in order.</summary>
/// <remarks>
/// Owns the connection, its streams and what is queued for them; all of it goes with this actor. Others watch it: its
/// end is the one notice of a client's end. A peer's bytes can end this actor and nothing else.
/// </remarks>
public sealed class ClientConnectionActor : UntypedActor
{
    private readonly StreamsById<StreamSession> _streams = new();
    private readonly IQuicConnection _connection;
    private readonly ConnectionEnvironment _environment;
    private readonly ReaderLimits _limits;
    private readonly ReadCredit _credit;
    private readonly AssemblyBudget _assembly;
    private readonly OutboundQueue _outbound;
    private readonly ConnectionWatch _watch;
    private TaskCompletionSource? _admitted = new(TaskCreationOptions.RunContinuationsAsynchronously); // null when it is
    private ILoggingAdapter? _log;
    private ICancelable? _connectTimer;
    private ICancelable? _closeTimer;
    private ICancelable? _repeatsTimer;
    private Queue<FrameLease>? _connects; // of CONNECTs that the client manager has yet to answer
    private StandingRequests? _standing;
    private RepeatWindow? _repeats; // of those who send with QoS 1
    private Phase _phase;
    private StreamSession? _connecting;
    private NodeId _node;
    private long _session;
    private ClientInfo? _client;
    private string _closeReason = "peer_gone";
    private (DisconnectReason Reason, string Message) _closing = (DisconnectReason.Normal, "");
    private bool _toldSkipped;

    public static Props Props(IQuicConnection connection, ConnectionEnvironment environment) =>
        new ConnectionProps(connection, environment, ConnectionProps.Shared);

    public ClientConnectionActor(IQuicConnection connection, ConnectionEnvironment environment)
    {
        (_connection, _environment) = (connection, environment);
        _limits = environment.LimitsOf(connection);
        _credit = new ReadCredit(Options.MaxFramesInFlight, Options.MaxBytesInFlight);
        _assembly = new AssemblyBudget(Options.MaxBytesAssembling);
        _outbound = new OutboundQueue(environment.Outbound, Metrics);
        _watch = new ConnectionWatch(connection, Self);
    }

    private GatewayIdentity Identity => _environment.Identity;

    private GatewayOptions Options => _environment.Options;

    private Neighbours Neighbours => _environment.Neighbours;

    private GatewayMetrics Metrics => _environment.Metrics;

    // Most connections have nothing to say.
    private ILoggingAdapter Log => _log ??= Context.GetLogger();

    protected override void PreStart()
    {
        _connectTimer = TickAfter(Options.ConnectTimeout, Tick.Connect);
        _watch.NextStream();
    }

    protected override void PostStop()
    {
        _admitted?.TrySetCanceled();
        _credit.Close();
        _repeats?.Clear();
        _connectTimer?.Cancel();
        _closeTimer?.Cancel();
        _repeatsTimer?.Cancel();
        foreach (var session in _streams.All) session.Writer.Stop();
        // After an orderly close this does nothing; after a fault of ours the peer learns that it was ours.
        _connection.Abort(DisconnectReason.InternalError.Code(), "internal error");
        _ = _connection.DisposeAsync().AsTask();
        Metrics.ConnectionClosed(_closeReason);
        Log.Debug("Connection of {Node} ended: {Reason}", _node, _closeReason);
    }

    // ---- phases

    // By a switch: a table of handlers in each actor would be a third of what an idle client costs.
    protected override void OnReceive(object message)
    {
        if (_phase == Phase.Closing) OnReceiveClosing(message);
        else if (!OnReceiveOpen(message) && !OnReceiveInPhase(message)) Unhandled(message);
    }

    private bool OnReceiveInPhase(object message)
    {
        switch (message, _phase)
        {
            case (Due { Tick: Tick.Connect }, _) when _connectTimer is null: // cancelled when it was on its way
                return true;
            case (Due { Tick: Tick.Connect }, Phase.AwaitingConnect):
                Refuse(
                    DisconnectReason.ConnectTimeout,
                    $"No CONNECT within {Options.ConnectTimeout.TotalSeconds:0.###} s of the connection.");
                return true;
            case (Due { Tick: Tick.Connect }, Phase.Admitting):
                Refuse(DisconnectReason.ConnectTimeout, "The node could not admit the client in time.");
                return true;
            case (ClientProtocol.Admitted msg, Phase.Admitting):
                OnAdmitted(msg);
                return true;
            case (ClientProtocol.Admitted msg, Phase.Admitted): // the answer to a further CONNECT
                if (_connects is not null) Welcome(msg);
                return true;
            case (ClientProtocol.Refused msg, Phase.Admitting or Phase.Admitted):
                OnRefused(msg);
                return true;
            case (ClientProtocol.Superseded, Phase.Admitted):
                Refuse(DisconnectReason.SessionSuperseded, $"The node {_node} has connected again.");
                return true;
            default:
                return message is Due; // too late
        }
    }

    private bool OnReceiveOpen(object message)
    {
        switch (message)
        {
            case FrameArrived msg:
                OnFrameArrived(msg);
                return true;
            case StreamWritten msg:
                OnStreamWritten(msg.Writer);
                return true;
            case StreamOpened msg:
                OnStreamOpened(msg);
                return true;
            case NoMoreStreams:
                return true;
            case StreamEnded msg:
                OnStreamEnded(msg);
                return true;
            case FrameSkipped msg:
                LogSkipped(msg.Error.ToString());
                return true;
            case OutboundOverflow:
                OnOverflow();
                return true;
            case AssemblyOverflow:
                Refuse(
                    DisconnectReason.ProtocolError,
                    $"More than {Options.MaxBytesAssembling} bytes of large frames have begun to arrive at once.");
                return true;
            case ConnectionProtocol.TrimQueues:
                OnTrimQueues();
                return true;
            case ConnectionProtocol.Close msg:
                Refuse(msg.Reason, msg.Message, msg.RetryAfter);
                return true;
            case ConnectionProtocol.Announce msg:
                OnAnnounce(msg);
                return true;
            case ConnectionEnded msg:
                OnConnectionEnded(msg);
                return true;
            case PubSubProtocol.NotSubscribed msg:
                _standing?.Refused(msg);
                return true;
            case RegistryProtocol.NotStored msg:
                _standing?.Refused(msg);
                return true;
            case Due { Tick: Tick.Repeats }:
                OnRepeatsDue();
                return true;
            default:
                return false;
        }
    }

    // All else comes too late.
    private void OnReceiveClosing(object message)
    {
        switch (message)
        {
            case FrameArrived msg:
                msg.Lease.Return();
                break;
            case StreamOpened msg:
                _ = msg.Stream.DisposeAsync().AsTask();
                break;
            case StreamWritten msg:
                Forget(msg.Writer);
                break;
            case Due { Tick: Tick.Close }:
                CloseConnection();
                break;
            case ConnectionEnded msg:
                OnConnectionEnded(msg);
                break;
            case ConnectionProtocol.Announce msg:
                Sender.Tell(new ListenerProtocol.Announced(msg.Concern, msg.Round));
                break;
        }
    }

    // ---- streams

    private void OnStreamOpened(StreamOpened msg)
    {
        if (!msg.Stream.CanWrite)
        {
            // Nothing of ours goes over unidirectional streams, and the limit for them is 0 unless code says otherwise.
            _ = msg.Stream.DisposeAsync().AsTask();
            _watch.NextStream();
            return;
        }

        var session = new StreamSession(msg.Stream, new StreamWriter(msg.Stream, Self, _outbound, Metrics));
        _streams.Add(msg.Stream.Id, session);
        var admitted = _admitted?.Task ?? Task.CompletedTask;
        _ = new StreamReader(session, Self, _credit, _assembly, _limits, admitted, Metrics).RunAsync();
        _watch.NextStream();
    }

    private void OnStreamEnded(StreamEnded msg)
    {
        if (msg.Fault is not { } fault)
        {
            if (msg.IsReset) msg.Session.Writer.Stop();
            else msg.Session.Writer.OnInputEnded();
            return;
        }

        // The stream is out of step, and nothing more can be understood on it.
        Metrics.FrameSkipped(fault.CodeText);
        var reason = fault.Code == FrameErrorCode.FrameTooLarge
            ? DisconnectReason.FrameTooLarge
            : DisconnectReason.ProtocolError;
        _connecting ??= msg.Session;
        Refuse(reason, fault.ToString());
    }

    private void OnStreamWritten(StreamWriter writer)
    {
        Forget(writer);
        if (writer == _connecting?.Writer && !_node.IsEmpty)
            Refuse(DisconnectReason.Normal, "The stream of CONNECT has been given up.");
    }

    private void Forget(StreamWriter writer)
    {
        if (_streams.Remove(writer.StreamId) is not { } session) return;
        _ = session.Stream.DisposeAsync().AsTask();
        _repeats?.StreamEnded(writer.StreamId);
        if (writer.IsHeldOpen || writer.AwaitsAnswer) Neighbours.Rpc.Tell(new RpcProtocol.StreamEnded(writer));
        if (!writer.IsHeldOpen) return; // nothing was subscribed or advertised on it
        _standing?.StreamEnded(writer);
        Neighbours.PubSub.Tell(new PubSubProtocol.StreamEnded(writer));
        Neighbours.Registry.Tell(new RegistryProtocol.StreamEnded(writer));
    }

    // ---- frames

    private void OnFrameArrived(FrameArrived frame)
    {
        var passedOn = false;
        try
        {
            // What is left of a stream that has ended must not subscribe or advertise on it any more.
            if (_streams.Find(frame.Session.Stream.Id) is not null) Handle(frame);
            passedOn = frame.IsPassedOn;
        }
        finally
        {
            if (!passedOn) frame.Lease.Return();
        }
    }

    private void Handle(FrameArrived frame)
    {
        if (_phase == Phase.Admitted) OnFrame(frame);
        else if (_phase == Phase.AwaitingConnect) OnEarlyFrame(frame);
        else OnPeerFrame(frame); // only peers' streams are read until then
    }

    private void OnEarlyFrame(FrameArrived frame)
    {
        if (frame.Type == FrameType.Connect) OnConnect(frame);
        else if (_limits.PeersAllowed && PeerTypes.Contains(frame.Type)) OnPeerFrame(frame);
        else
        {
            _connecting = frame.Session;
            Refuse(DisconnectReason.NotAuthorized, $"The first frame must be CONNECT, not {frame.Type}.");
        }
    }

    // A peer that has shown what it is needs no CONNECT. It sends one frame per stream and often leaves the stream open;
    // here it is over with the answer, or the peer would run out of streams.
    private void OnPeerFrame(FrameArrived frame)
    {
        CancelConnectTimer();
        OnFrame(frame);
        frame.Session.Writer.OnInputEnded();
    }

    private void OnFrame(FrameArrived frame)
    {
        var payload = new ReadOnlySequence<byte>(frame.Payload);
        switch (frame.Type)
        {
            case FrameType.Publish: OnPublish(frame, payload); break;
            case FrameType.Call: OnCall(frame, payload); break;
            case FrameType.Reply: OnReply(frame, payload); break;
            case FrameType.Subscribe: OnSubscribe(frame, payload); break;
            case FrameType.Unsubscribe: OnUnsubscribe(frame, payload); break;
            case FrameType.Cancel: OnCancel(frame, payload); break;
            case FrameType.RpcRoute: OnRoute(frame, payload); break;
            case FrameType.Ping: OnPing(frame, payload); break;
            case FrameType.Connect: OnConnect(frame); break;
            case FrameType.Disconnect: OnDisconnect(frame, payload); break;
            default:
                if (frame.Type.IsDht()) OnDht(frame, payload);
                else if (RawValue.Check(payload) is var code and not DecodeErrorCode.None) Skip(frame, new DecodeError(code));
                break; // PONG, CAST and SWIM have no effect, as in the reference
        }
    }

    private void OnConnect(FrameArrived frame)
    {
        _connecting = frame.Session;
        if (frame.Payload.Length > Options.MaxConnectSize)
        {
            Refuse(
                DisconnectReason.FrameTooLarge,
                $"A CONNECT of {frame.Payload.Length} bytes is more than {Options.MaxConnectSize}.");
            return;
        }

        if (!ConnectMessage.TryDecode(new ReadOnlySequence<byte>(frame.Payload), out var connect, out var error))
        {
            Refuse(DisconnectReason.MalformedConnect, $"The CONNECT cannot be read: {error}");
            return;
        }

        var realm = connect.Realm.ToString();
        if (realm != Identity.Realm)
        {
            Refuse(DisconnectReason.WrongRealm, $"The realm '{realm}' is not served here; this node serves '{Identity.Realm}'.");
            return;
        }

        frame.Session.Writer.IsHeldOpen = true;
        _client = new ClientInfo(
            connect.NodeId, Identity.Realm, _environment.ShareCapabilities(connect.Capabilities), connect.Endpoint?.ToString() ?? "",
            _connection.RemoteEndPoint.ToString());
        (_connects ??= new Queue<FrameLease>(1)).Enqueue(frame.PassOn());
        Neighbours.Clients.Tell(new ClientProtocol.Connect(_client, frame.Session.Writer));
        if (_admitted is not null) _phase = Phase.Admitting;
    }

    private void OnAdmitted(ClientProtocol.Admitted msg)
    {
        CancelConnectTimer();
        _phase = Phase.Admitted;
        Welcome(msg);
        _admitted?.TrySetResult();
        _admitted = null;
    }

    private void OnRefused(ClientProtocol.Refused msg)
    {
        if (_connects is not null) NextConnect().Return(); // none when it was announced again
        Refuse(msg.Reason, Sentence(msg.Reason), msg.RetryAfter);
    }

    private void Welcome(ClientProtocol.Admitted msg)
    {
        _session = msg.Session;
        var writer = _connecting!.Writer;
        _node = _client!.Node; // not before: who is not admitted owns nothing
        Neighbours.Registry.Tell(new RegistryProtocol.NodeSeen(
            writer, _node, _client.Address, _client.Endpoint, NextConnect(), _session));
        var now = UnixNow();
        writer.TrySend(new PongMessage(now, now).ToFrame(), FrameDelivery.Required);
    }

    // The queue is nearly always over with the first.
    private FrameLease NextConnect()
    {
        var lease = _connects!.Dequeue();
        if (_connects.Count == 0) _connects = null;
        return lease;
    }

    private void OnPing(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (PingMessage.TryDecode(payload, out var ping, out var error))
            frame.Session.Writer.TrySend(new PongMessage(ping.Timestamp, UnixNow()).ToFrame(), FrameDelivery.Required);
        else
            Skip(frame, error);
    }

    private void OnPublish(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!PublishMessage.TryDecode(payload, out var publish, out var error)) Skip(frame, error);
        else if (Identity.TopicFault(publish.Topic) is { } fault) Skip(frame, $"The topic of a PUBLISH is refused: {fault}.");
        else if (publish.Qos > 0 && IsRepeat(frame.Session, publish.MessageId)) Metrics.Duplicate();
        else
        {
            var delivery = publish.Qos == 0 ? FrameDelivery.Droppable : FrameDelivery.Required;
            var retention = !publish.Retain ? Retention.None
                : publish.Payload.IsEmpty ? Retention.Clear
                : Retention.Keep;
            Neighbours.PubSub.Tell(
                new PubSubProtocol.Publish(publish.Topic, publish.ToFrame(), delivery, frame.PassOn(), retention));
        }
    }

    // Clients of the reference send every QoS 1 message three times. Kept here, so that a restart of the pub/sub concern
    // does not forget it.
    private bool IsRepeat(StreamSession session, MessageId id)
    {
        _repeats ??= new RepeatWindow(Identity.Topics, _environment.DedupeIds);
        if (!_repeats.Admits(session.Stream.Id, id, Context.System.Scheduler.Elapsed())) return true;
        if (_repeats.Count > 0) _repeatsTimer ??= TickAfter(Identity.Topics.DedupeWindow, Tick.Repeats);
        return false;
    }

    private void OnRepeatsDue()
    {
        _repeats!.Expire(Context.System.Scheduler.Elapsed());
        _repeatsTimer = _repeats.Count > 0 ? TickAfter(Identity.Topics.DedupeWindow, Tick.Repeats) : null;
    }

    private void OnSubscribe(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!SubscribeMessage.TryDecode(payload, out var subscribe, out var error)) Skip(frame, error);
        else if (subscribe.Topics.Count > 0)
        {
            var writer = frame.Session.Writer;
            writer.IsHeldOpen = true;
            Utf8Text[] patterns = [.. subscribe.Topics.Select(each => each.ToOwned())]; // a slice would keep its frame alive
            var request = (_standing ??= new StandingRequests()).Subscribed(writer, patterns);
            Neighbours.PubSub.Tell(new PubSubProtocol.Subscribe(writer, patterns, request, frame.PassOn()));
        }
    }

    private void OnUnsubscribe(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!UnsubscribeMessage.TryDecode(payload, out var unsubscribe, out var error)) Skip(frame, error);
        else
        {
            _standing?.Unsubscribed(frame.Session.Writer, unsubscribe.Topics);
            Neighbours.PubSub.Tell(
                new PubSubProtocol.Unsubscribe(frame.Session.Writer, unsubscribe.Topics, frame.PassOn()));
        }
    }

    private void OnCall(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!CallMessage.TryDecode(payload, out var call, out var error)) Skip(frame, error);
        else
        {
            frame.Session.Writer.ExpectAnswer();
            Neighbours.Rpc.Tell(new RpcProtocol.Call(frame.Session.Writer, call, frame.PassOn()));
        }
    }

    private void OnReply(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!ReplyMessage.TryDecode(payload, out var reply, out var error)) Skip(frame, error);
        else Neighbours.Rpc.Tell(new RpcProtocol.Reply(frame.Session.Writer, reply, frame.PassOn()));
    }

    private void OnCancel(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!CancelMessage.TryDecode(payload, out var cancel, out var error)) Skip(frame, error);
        else Neighbours.Rpc.Tell(new RpcProtocol.Cancel(frame.Session.Writer, cancel.CallId, frame.PassOn()));
    }

    private void OnRoute(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (!RpcRouteMessage.TryDecode(payload, out var route, out var error)) Skip(frame, error);
        else if (!route.IsCall && !route.IsReply) Skip(frame, new DecodeError(DecodeErrorCode.OutOfRange, "payload_type"));
        else
        {
            if (route.IsCall) frame.Session.Writer.ExpectAnswer();
            Neighbours.Rpc.Tell(new RpcProtocol.Route(frame.Session.Writer, route, frame.PassOn()));
        }
    }

    // The inner type counts, not that of the frame (docs/wire.md).
    private void OnDht(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        var writer = frame.Session.Writer;
        if (!DhtOperations.TryRead(payload, out var operation, out var error)) Skip(frame, error);
        else if (operation == DhtOperation.Store)
        {
            if (!StoreMessage.TryDecode(payload, out var store, out error)) Skip(frame, error);
            else OnStore(frame, store);
        }
        else if (operation == DhtOperation.FindValue)
        {
            if (!FindValueMessage.TryDecode(payload, out var find, out error)) Skip(frame, error);
            else
            {
                writer.ExpectAnswer();
                Neighbours.Registry.Tell(new RegistryProtocol.FindValue(writer, find, frame.PassOn()));
            }
        }
        else if (operation == DhtOperation.FindNode)
        {
            if (!FindNodeMessage.TryDecode(payload, out var find, out error)) Skip(frame, error);
            else
            {
                writer.ExpectAnswer();
                Neighbours.Registry.Tell(new RegistryProtocol.FindNode(writer, find, frame.PassOn()));
            }
        }
        else if (operation == DhtOperation.Unknown && frame.Type is FrameType.FindValue or FrameType.FindNode)
        {
            writer.TrySend(FindValueReplyMessage.Refused("unknown_message").ToFrame(), FrameDelivery.Required);
        }
    }

    private void OnStore(FrameArrived frame, StoreMessage store)
    {
        var (writer, now) = (frame.Session.Writer, Context.System.Scheduler.Elapsed());
        List<RegistryProtocol.StoredRecord> records = [];
        foreach (var element in store.Value.Elements() ?? [])
        {
            var value = element.ToOwned(); // a slice would keep its frame alive
            if (ServiceRecord.TryDecode(value, out var record, out var error))
                records.Add(new RegistryProtocol.StoredRecord(record, value, now));
            else Skip(frame, error);
        }

        if (records.Count == 0) return;
        var key = DhtKey.FromBytes(store.Key.Span);
        if (!_node.IsEmpty) writer.IsHeldOpen = true;
        (_standing ??= new StandingRequests()).Stored(writer, key, records);
        Neighbours.Registry.Tell(new RegistryProtocol.Store(writer, _node, key, records, frame.PassOn()));
    }

    private void OnDisconnect(FrameArrived frame, in ReadOnlySequence<byte> payload)
    {
        if (RawValue.Check(payload) is var code and not DecodeErrorCode.None)
        {
            Skip(frame, new DecodeError(code));
            return;
        }

        _closeReason = DisconnectReason.Normal.Text();
        _phase = Phase.Closing;
        CloseConnection();
    }

    private void OnAnnounce(ConnectionProtocol.Announce msg)
    {
        if (msg.Concern.Equals(Neighbours.Clients)) AnnounceClient();
        else if (msg.Concern.Equals(Neighbours.PubSub))
            foreach (var subscriptions in _standing?.Subscriptions ?? []) msg.Concern.Tell(subscriptions);
        else if (msg.Concern.Equals(Neighbours.Registry)) AnnounceNode();
        Sender.Tell(new ListenerProtocol.Announced(msg.Concern, msg.Round));
    }

    // A mesh peer is no client, but has records all the same.
    private void AnnounceNode()
    {
        var records = _standing?.Records ?? [];
        if (_node.IsEmpty && records.Count == 0) return;
        var stream = _node.IsEmpty ? records[0].Stream : _connecting!.Writer;
        Neighbours.Registry.Tell(new RegistryProtocol.Resume(
            stream, _node, _client?.Address ?? "", _client?.Endpoint ?? "", records, _session));
    }

    // A CONNECT that is not answered may have been lost; one that waits there still is answered twice, which does no harm.
    private void AnnounceClient()
    {
        if (!_node.IsEmpty) Neighbours.Clients.Tell(new ClientProtocol.Resume(_client!, _connecting!.Writer));
        if (_connects is not null) Neighbours.Clients.Tell(new ClientProtocol.Connect(_client!, _connecting!.Writer));
    }

    // ---- faults and ends

    private void Skip(FrameArrived frame, DecodeError error)
    {
        Metrics.FrameSkipped(error.CodeText);
        LogSkipped($"{frame.Type}: {error}");
    }

    private void Skip(FrameArrived frame, string fault)
    {
        Metrics.FrameSkipped("refused");
        LogSkipped($"{frame.Type}: {fault}");
    }

    // A peer that sends rubbish gets one line; the rest is counted.
    private void LogSkipped(string fault)
    {
        if (_toldSkipped) return;
        _toldSkipped = true;
        if (!_environment.AdmitsSkipLog(Context.System.Scheduler.Elapsed(), out var suppressed)) return;
        Log.Warning(
            "Frame of {Node} at {Remote} skipped: {Fault} (further ones of this connection, and those of {Suppressed} other "
            + "connections before, are only counted)",
            _node, _connection.RemoteEndPoint, fault, suppressed);
    }

    /// <summary>Says why on the stream of CONNECT, gives the peer a moment to read it and to close, then closes.</summary>
    private void Refuse(DisconnectReason reason, string message, TimeSpan retryAfter = default)
    {
        _closeReason = reason.Text();
        _closing = (reason, message);
        Log.Debug("Closing {Node} at {Remote}: {Reason}: {Message}", _node, _connection.RemoteEndPoint, reason.Text(), message);
        _phase = Phase.Closing;
        var retry = retryAfter > TimeSpan.Zero ? (int)retryAfter.TotalMilliseconds : (int?)null;
        var stream = _connecting ?? _streams.All.FirstOrDefault();
        stream?.Writer.TrySend(
            new DisconnectMessage(reason.Text(), message, retry).ToFrame(), FrameDelivery.Required);
        foreach (var session in _streams.All) session.Writer.Finish();
        if (stream is null) CloseConnection();
        else _closeTimer = TickAfter(Options.CloseGrace, Tick.Close);
    }

    private void OnTrimQueues()
    {
        foreach (var session in _streams.All) session.Writer.Trim();
    }

    // A peer that does not read would not read a DISCONNECT either, nor acknowledge anything: the code has to do.
    private void OnOverflow()
    {
        _closeReason = DisconnectReason.SlowConsumer.Text();
        _connection.Abort(
            DisconnectReason.SlowConsumer.Code(), "The peer reads more slowly than it is sent to, and its queue is full.");
        Context.Stop(Self);
    }

    private void CloseConnection()
    {
        var (reason, message) = _closing;
        var self = Self;
        _connection.CloseAsync(reason.Code(), message).AsTask().PipeTo(
            self,
            success: () => new ConnectionEnded(new QuicClosed(QuicTransportError.None, null, false, message)),
            failure: e => new ConnectionEnded(new QuicClosed(QuicTransportError.InternalError, null, false, e.Message)));
    }

    private void OnConnectionEnded(ConnectionEnded msg)
    {
        if (msg.Closed is { ByPeer: true, Error: QuicTransportError.ConnectionIdle }) _closeReason = "idle";
        Context.Stop(Self);
    }

    // Not by IWithTimers, which keeps a table of timers in each actor, though nearly all are through with theirs.
    private ICancelable TickAfter(TimeSpan delay, Tick tick) =>
        Context.System.Scheduler.ScheduleTellOnceCancelable(delay, Self, new Due(tick), ActorRefs.NoSender);

    private void CancelConnectTimer()
    {
        _connectTimer?.Cancel();
        _connectTimer = null;
    }

    private static string Sentence(DisconnectReason reason) => reason switch
    {
        DisconnectReason.MaxClientsReached => "The node serves as many clients as it may; try again later.",
        DisconnectReason.MemoryPressure => "The node is short of memory; try again later.",
        DisconnectReason.Draining => "The node is leaving; connect to another one.",
        _ => "The node does not admit this client now.",
    };

    private static long UnixNow() => Context.System.Scheduler.Now.ToUnixTimeMilliseconds();

    private enum Phase
    {
        AwaitingConnect,
        Admitting,
        Admitted,
        Closing,
    }

    private sealed record Due(Tick Tick) : IToConnection;

    private enum Tick
    {
        Connect,
        Close,
        Repeats,
    }
}
