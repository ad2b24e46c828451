using System.Collections.Frozen;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Rpc;

/// <summary>Brings calls to their providers and replies to their callers.</summary>
/// <remarks>
/// Every call is answered exactly once, unless its caller is gone: by a provider, by the end of the last one that it
/// may be tried at, or by its deadline, which is one for all of it. Between any two messages a call is in
/// <see cref="_calls"/> exactly if it has not ended, and a lookup in <see cref="_lookups"/> exactly if a call waits for
/// it; every caller and provider in there is watched. <see cref="End"/> is a call's only way out, and
/// <see cref="Close"/> that of a lookup.
/// </remarks>
public sealed partial class RpcActor : ConcernActor
{
    private const string Failure =
        "The node failed while it had this call; it may have run. Try again if that does no harm.";

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(20);

    private static readonly FrozenSet<string> KnownCodes = FrozenSet.ToFrozenSet(
    [
        ReplyErrorCodes.NoSuchProcedure, ReplyErrorCodes.NoHandler, ReplyErrorCodes.HandlerError,
        ReplyErrorCodes.Timeout, ReplyErrorCodes.Overloaded, ReplyErrorCodes.NoRoute,
        ReplyErrorCodes.MaxHopsExceeded, ReplyErrorCodes.InvalidRequest, ReplyErrorCodes.ProviderGone,
        ReplyErrorCodes.InternalError,
    ]);

    private readonly HandlerTable _handlers = new();
    private readonly Dictionary<ulong, object> _exchanges = []; // with peers: the call or the lookup that waits
    private readonly Dictionary<ulong, Route> _replies = []; // to other nodes, until their next hop is known
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly RpcOptions _options;
    private readonly NodeId _self;
    private readonly IActorRef _registry;
    private readonly IActorRef _clients;
    private readonly IActorRef _mesh;
    private readonly GatewayMetrics _metrics;
    private readonly CallTable _calls;
    private readonly LookupTable _lookups;
    private readonly BoundedTable _pending;
    private readonly BoundedTable _pendingBytes;
    private readonly BoundedTable _pendingLookups;
    private readonly BoundedTable _callers;
    private readonly BoundedTable _handlerTable;
    private readonly Func<RegistryProtocol.Provider, int> _running;
    // Peers' ids have a secret of their own: a provider here must not be able to guess what answers a call elsewhere.
    private readonly WireIds _ids = new();
    private readonly WireIds _routedIds = new();
    // From anywhere, so that an answer to a predecessor of this actor meets nobody.
    private ulong _lastId = (ulong)Random.Shared.NextInt64();

    public static Props Props(
        RpcOptions options, NodeId self, IActorRef registry, IActorRef clients, IActorRef mesh, TableCensus census,
        GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new RpcActor(options, self, registry, clients, mesh, census, metrics));

    /// <param name="registry">Asked who provides a procedure, and for the way to other nodes.</param>
    /// <param name="clients">Delivers routed messages to the clients that they are for.</param>
    /// <param name="mesh">Brings frames to other nodes; nobody when there are none.</param>
    public RpcActor(
        RpcOptions options, NodeId self, IActorRef registry, IActorRef clients, IActorRef mesh, TableCensus census,
        GatewayMetrics metrics)
    {
        (_options, _self, _registry, _clients, _mesh, _metrics) = (options, self, registry, clients, mesh, metrics);
        _calls = new CallTable(Now, party => Context.Watch(party), Unwatch);
        _lookups = new LookupTable(Now);
        _running = _calls.RunningAt;
        _pending = census.Add("rpc.pending_calls", options.MaxPendingCalls);
        _pendingBytes = census.Add("rpc.pending_bytes", options.MaxPendingBytes);
        _pendingLookups = census.Add("rpc.pending_lookups", options.MaxPendingLookups);
        // Each call has a caller and at most one provider.
        _callers = census.Add("rpc.callers", (2L * options.MaxPendingCalls) + CallTable.MaxIdle);
        _handlerTable = census.Add("rpc.handlers", options.MaxHandlers);

        Working();
    }

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Deadlines, Tick.Deadlines, TickInterval);

    // Everyone who waits is told; what is told to this actor next, its successor handles.
    protected override void PreRestart(Exception reason, object message)
    {
        Try(() => TurnAway(message));
        foreach (var pending in _calls.All)
        {
            Try(() => Abandon(pending));
            Try(() => Fail(pending, ReplyErrorCodes.InternalError, Failure));
        }

        foreach (var reply in _replies.Values) reply.Lease.Return();
        _calls.RemoveParties(); // a watch outlives the restart
        base.PreRestart(reason, message);

        // Whom it cannot be told must not keep it from the others.
        void Try(Action tell)
        {
            try
            {
                tell();
            }
            catch (Exception fault)
            {
                _log.Warning(fault, "A caller could not be told that this actor failed");
            }
        }
    }

    // The message that this actor failed at.
    private void TurnAway(object message)
    {
        var call = message switch
        {
            Call msg => New(msg),
            CallLocal msg => New(msg),
            Route { Message.IsCall: true } msg => New(msg, Id(msg.Message)),
            _ => null,
        };
        if (message is Call or Route or ClientProtocol.NotConnected) ((ILeased)message).Lease.Return();
        if (call is not null) Send(call, ReplyMessage.Failed(call.CallId, ReplyErrorCodes.InternalError, Failure));

        static CallId Id(RpcRouteMessage route) =>
            CallMessage.TryDecode(route.Payload.AsPayload(), out var inner, out _) ? inner.CallId : default;
    }

    protected override void Working()
    {
        Receive<Call>(msg => Begin(New(msg), msg.Message, msg.Lease));
        Receive<CallLocal>(OnCallLocal);
        Receive<RegistryProtocol.Providers>(OnProviders);
        ReceiveLeased<Reply>(OnReply);
        Receive<Completed>(OnCompleted);
        ReceiveLeased<Cancel>(OnCancel);
        Receive<Route>(msg => msg.Message.Destination == _self, OnRouteHere);
        Receive<Route>(OnRouteElsewhere);
        Receive<ClientProtocol.NotConnected>(OnNotConnected);
        Receive<RegistryProtocol.NextHops>(OnNextHops);
        Receive<MeshProtocol.Exchanged>(OnExchanged);
        Receive<MeshProtocol.ExchangeFailed>(OnExchangeFailed);
        Receive<Register>(OnRegister);
        Receive<StreamEnded>(OnStreamEnded);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(_ => OnTick());
    }

    protected override void Recovering()
    {
        Receive<Register>(OnRegister);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(_ => { });
    }

    // ---- calls

    private PendingCall New(Call msg) => new(++_lastId, msg.Message.CallId, msg.Caller, msg.Caller.Connection);

    private PendingCall New(CallLocal msg) => new(++_lastId, default, null, Sender) { Tag = msg.Id };

    private PendingCall New(Route msg, CallId id) => new(++_lastId, id, msg.From, msg.From.Connection)
    {
        RoutedFrom = msg.Message.Source,
        Destination = msg.Message.Destination == _self ? default : msg.Message.Destination,
    };

    private void OnCallLocal(CallLocal msg)
    {
        if (Sender.IsNobody()) return; // who would get the answer?
        var timeout = msg.Timeout is { } asked ? (int?)Math.Clamp(asked.TotalMilliseconds, 1, int.MaxValue) : null;
        Begin(New(msg), new CallMessage(msg.Procedure, msg.Args, default, Timeout: timeout), default);
    }

    // The credit of a call returns with a refusal, when a handler got it, or when the registry has looked its providers
    // up. What goes to a handler is bounded by its own limit, also when the caller no longer waits.
    private void Begin(PendingCall call, in CallMessage message, FrameLease lease, RpcRouteMessage? route = null)
    {
        var handled = route is null ? _handlers.Find(message.Procedure) : null;
        var timeout = Timeout(message);
        if (!IsWelcome(call, message, handled, lease)) return;
        if (handled is null)
        {
            call.Timeout = (int)timeout.TotalMilliseconds;
            call.Frame = route?.ToFrame()
                ?? (message with { CallId = _ids.Of(call.Id), Timeout = call.Timeout }).ToFrame();
        }

        call.Bytes = handled is null ? call.Frame.Length : message.Procedure.Length + message.Args.Length;
        var ofCaller = _calls.BytesOf(call.Stream, call.Caller);
        if (ofCaller + call.Bytes > _options.MaxPendingBytesPerClient)
        {
            _pending.Reject("bytes_per_client");
            Refuse(
                call, lease, ReplyErrorCodes.Overloaded,
                $"The client has {ofCaller} bytes of pending calls, of at most {_options.MaxPendingBytesPerClient}; wait for some to "
                + "end.");
            return;
        }

        if (_calls.Bytes + call.Bytes > _options.MaxPendingBytes)
        {
            _pendingBytes.Reject();
            _pending.Reject("bytes");
            Refuse(
                call, lease, ReplyErrorCodes.Overloaded,
                $"The node has {_calls.Bytes} bytes of pending calls, the most it may have; try again in a second.");
            return;
        }

        if (handled is not null)
        {
            Enter(call, timeout);
            Run(call, handled, message.Args);
            lease.Return();
        }
        else
        {
            var key = DhtKey.ForName(message.Procedure);
            var lookup = _lookups.Find(key, !call.RoutedFrom.IsEmpty);
            if (lookup is null && IsFullOfLookups())
            {
                _pending.Reject("lookups");
                Refuse(
                    call, lease, ReplyErrorCodes.Overloaded,
                    $"The node looks for {_lookups.Count} procedures, the most it may; try again in a second.");
                return;
            }

            Enter(call, timeout);
            Look(call, lookup, key, lease);
        }
    }

    private bool IsWelcome(PendingCall call, in CallMessage message, Handled? handled, FrameLease lease)
    {
        if (message.Procedure.Length > _options.MaxProcedureLength)
        {
            Refuse(
                call, lease, ReplyErrorCodes.InvalidRequest,
                $"A procedure's name of {message.Procedure.Length} bytes is more than {_options.MaxProcedureLength}.");
            return false;
        }

        if (_calls.Count >= _options.MaxPendingCalls)
        {
            _pending.Reject();
            Refuse(
                call, lease, ReplyErrorCodes.Overloaded,
                $"The node has {_calls.Count} pending calls, the most it may have; try again in a second.");
            return false;
        }

        var ofCaller = _calls.CountOf(call.Stream, call.Caller);
        if (ofCaller >= _options.MaxPendingCallsPerClient)
        {
            _pending.Reject("per_client");
            Refuse(
                call, lease, ReplyErrorCodes.Overloaded,
                $"The client has {ofCaller} pending calls, the most it may have; wait for some to end.");
            return false;
        }

        if (handled is not null && handled.Handler.Running.Count >= _options.MaxCallsPerHandler)
        {
            _pending.Reject("per_handler");
            Refuse(
                call, lease, ReplyErrorCodes.Overloaded,
                $"{message.Procedure} has {_options.MaxCallsPerHandler} calls to do already; try again in a second.");
            return false;
        }

        return true;
    }

    private TimeSpan Timeout(in CallMessage message) => message.Timeout is { } asked
        ? TimeSpan.FromMilliseconds(Math.Min(Math.Max(asked, 1), _options.MaxCallTimeout.TotalMilliseconds))
        : _options.CallTimeout;

    private void Enter(PendingCall call, TimeSpan timeout)
    {
        _calls.Add(call, Now + timeout);
        Count();
    }

    private void Run(PendingCall call, Handled handled, ReadOnlyMemory<byte> args)
    {
        call.HandledProcedure = handled.Name;
        _calls.Assign(call, handled.Handler.Place);
        handled.Handler.Running.Add(call.Id);
        _metrics.CallAttempted();
        handled.Handler.Actor.Tell(new Invoke(handled.Procedure, args, call.Id));
    }

    // ---- ends

    private void OnCancel(Cancel msg)
    {
        if (!_calls.TryGet(msg.Caller, msg.Call, out var call)) return;
        Abandon(call);
        End(call, "cancelled");
        call.Stream!.Settle();
    }

    private void OnTick()
    {
        _calls.Expire(Now, OnDeadline);
        _lookups.Expire(Now, OnLookupDeadline);
        Count();
    }

    private void OnDeadline(PendingCall call)
    {
        _pending.Expired();
        Abandon(call);
        Fail(call, ReplyErrorCodes.Timeout, $"No reply to {call.Procedure} in time.");
    }

    private void OnLookupDeadline(Lookup lookup)
    {
        _pendingLookups.Expired();
        lookup.IsUncertain = true;
        Missed(lookup, "timeout");
    }

    private void OnStreamEnded(StreamEnded msg)
    {
        if (_calls.Find(msg.Stream) is not { } place) return;
        ForgetCaller(place);
        LoseProvider(place);
    }

    private void OnTerminated(IActorRef party)
    {
        if (_calls.RemoveParty(party) is { } ended)
        {
            // First all that it called, or what runs on one of its streams would be tried elsewhere for another.
            ForgetCaller(ended.Own);
            foreach (var place in ended.Streams) ForgetCaller(place);
            foreach (var place in ended.Streams) LoseProvider(place);
            Count();
        }

        if (!_handlers.Remove(party, out var handler)) return;
        _handlerTable.Set(_handlers.Count);
        LoseProvider(handler.Place);
    }

    private void ForgetCaller(Place place)
    {
        while (place.Called.First?.Value is { } call)
        {
            Abandon(call);
            End(call, "caller_gone");
            _log.Debug("Cleaned up pending call due to caller death");
        }
    }

    private void LoseProvider(Place place)
    {
        // Not for ever: each call is tried a few times.
        while (place.Running.First?.Value is { } call) FailOverGone(call);
    }

    // ---- handlers

    private void OnRegister(Register msg)
    {
        Utf8Text procedure = msg.Procedure;
        if (procedure.Length > _options.MaxProcedureLength)
        {
            Sender.Tell(new RegisterRefused(
                msg.Procedure, ReplyErrorCodes.InvalidRequest,
                $"A procedure's name of {procedure.Length} bytes is more than {_options.MaxProcedureLength}."));
            return;
        }

        if (_handlers.Count >= _options.MaxHandlers && _handlers.Find(procedure) is null)
        {
            _handlerTable.Reject();
            Sender.Tell(new RegisterRefused(
                msg.Procedure, ReplyErrorCodes.Overloaded,
                $"The node has {_handlers.Count} procedures of actors, the most it may have."));
            return;
        }

        Context.Watch(msg.Handler);
        _handlers.Register(msg.Procedure, msg.Handler, out var former);
        if (former is not null) Unwatch(former);
        _handlerTable.Set(_handlers.Count);
        Sender.Tell(new Registered(msg.Procedure));
        Context.Parent.Tell(new GatewayProtocol.Provided(msg.Procedure, msg.Handler));
    }

    private void Unwatch(IActorRef party)
    {
        if (!_handlers.Knows(party) && !_calls.Knows(party)) Context.Unwatch(party);
    }

    // ---- answers

    private void Refuse(PendingCall call, FrameLease lease, string code, string message)
    {
        lease.Return();
        _metrics.CallEnded(code);
        Send(call, ReplyMessage.Failed(call.CallId, code, message));
    }

    private void Fail(PendingCall call, string code, string message) =>
        Answer(call, ReplyMessage.Failed(call.CallId, code, message));

    private void Answer(PendingCall call, in ReplyMessage reply)
    {
        if (End(call, Outcome(reply))) Send(call, reply with { CallId = call.CallId });
    }

    private void Send(PendingCall call, in ReplyMessage reply)
    {
        if (call.Stream is null)
            call.Caller.Tell(new CallEnded(
                call.Tag, reply.Result, reply.Error?.Code.ToString(), reply.Error?.Message.ToString()));
        else
            call.Stream.TrySend(
                call.RoutedFrom.IsEmpty
                    ? reply.ToFrame()
                    : RpcRouteMessage.ForReply(call.RoutedFrom, _self, reply).ToFrame(),
                FrameDelivery.Answer);
    }

    private bool End(PendingCall call, string outcome)
    {
        if (!_calls.Remove(call)) return false;
        if (call.Lookup is { } lookup)
        {
            LookupTable.Leave(call);
            if (lookup.Waiting.Count == 0) Close(lookup, "abandoned");
        }

        Count();
        _metrics.CallEnded(outcome);
        return true;
    }

    // Whoever runs the call need not go on. A CANCEL is a courtesy: callers who give up must not be able to drive a
    // busy provider over its queue's limit.
    private void Abandon(PendingCall call)
    {
        call.At?.Stream?.TrySend(new CancelMessage(_ids.Of(call.Id)).ToFrame(), FrameDelivery.Refusable);
        if (call.Exchange == 0) return;
        _exchanges.Remove(call.Exchange);
        _mesh.Tell(new MeshProtocol.Cancel(call.Exchange));
    }

    private void Count()
    {
        _pending.Set(_calls.Count);
        _pendingBytes.Set(_calls.Bytes);
        _callers.Set(_calls.Parties);
    }

    private bool IsFullOfLookups()
    {
        if (_lookups.Count + _replies.Count < _options.MaxPendingLookups) return false;
        _pendingLookups.Reject();
        return true;
    }

    private void CountLookups() => _pendingLookups.Set(_lookups.Count + _replies.Count);

    // Providers may send any code; a metric's tag must come from a short list.
    private static string Outcome(in ReplyMessage reply) => reply.Error is not { } error ? "ok"
        : KnownCodes.TryGetValue(error.Code.ToString(), out var code) ? code
        : "other_error";

    private enum Tick
    {
        Deadlines,
    }
}
