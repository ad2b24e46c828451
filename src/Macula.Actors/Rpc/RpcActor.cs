using System.Buffers.Binary;
using System.Collections.Frozen;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Rpc;

/// <summary>Brings calls to their providers and replies to their callers.</summary>
/// <remarks>
/// Every call is answered exactly once, unless its caller is gone: by its provider, by the provider's end, or by its
/// deadline. Between any two messages a call is in <see cref="_calls"/> exactly if it has not ended; every caller and
/// provider in there is watched. <see cref="End"/> is the only way out.
/// </remarks>
public sealed class RpcActor : ConcernActor
{
    private const string Failure = "The node failed while it had this call; it may have run. Try again if that does no harm.";

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(20);

    private static readonly FrozenSet<string> KnownCodes = FrozenSet.ToFrozenSet(
    [
        ReplyErrorCodes.NoSuchProcedure, ReplyErrorCodes.NoHandler, ReplyErrorCodes.HandlerError,
        ReplyErrorCodes.Timeout, ReplyErrorCodes.Overloaded, ReplyErrorCodes.NoRoute,
        ReplyErrorCodes.MaxHopsExceeded, ReplyErrorCodes.InvalidRequest, ReplyErrorCodes.ProviderGone,
        ReplyErrorCodes.InternalError,
    ]);

    private readonly Dictionary<Utf8Text, IActorRef> _handlers = [];
    private readonly Dictionary<IActorRef, Handler> _work = []; // of each handler
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly RpcOptions _options;
    private readonly NodeId _self;
    private readonly IActorRef _registry;
    private readonly IActorRef _clients;
    private readonly GatewayMetrics _metrics;
    private readonly CallTable _calls;
    private readonly BoundedTable _pending;
    private readonly UInt128 _run = new((ulong)Random.Shared.NextInt64(), 0);
    private ulong _lastId;

    public static Props Props(
        RpcOptions options, NodeId self, IActorRef registry, IActorRef clients, TableCensus census,
        GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new RpcActor(options, self, registry, clients, census, metrics));

    /// <param name="registry">Asked who provides a procedure.</param>
    /// <param name="clients">Delivers routed messages to the clients that they are for.</param>
    public RpcActor(
        RpcOptions options, NodeId self, IActorRef registry, IActorRef clients, TableCensus census,
        GatewayMetrics metrics)
    {
        (_options, _self, _registry, _clients, _metrics) = (options, self, registry, clients, metrics);
        _calls = new CallTable(Now);
        _pending = census.Add("rpc.pending_calls", options.MaxPendingCalls);

        Working();
    }

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Deadlines, Tick.Deadlines, TickInterval);

    // Everyone who waits is told; what is told to this actor next, its successor handles.
    protected override void PreRestart(Exception reason, object message)
    {
        if (message is Call call) Try(() => Refuse(call, ReplyErrorCodes.InternalError, Failure));
        foreach (var pending in _calls.All)
        {
            Try(() => TellCancelled(pending));
            Try(() => Fail(pending, ReplyErrorCodes.InternalError, Failure));
        }

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

    protected override void Working()
    {
        Receive<Call>(OnCall);
        Receive<RegistryProtocol.Providers>(OnProviders);
        ReceiveLeased<Reply>(OnReply);
        Receive<Completed>(OnCompleted);
        ReceiveLeased<Cancel>(OnCancel);
        Receive<Route>(msg => msg.Message.Destination != _self, OnRouteElsewhere);
        Receive<Route>(OnRouteHere);
        ReceiveLeased<ClientProtocol.NotConnected>(msg => OnUnroutable((Route)msg.Tag));
        Receive<Register>(OnRegister);
        Receive<StreamEnded>(OnStreamEnded);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(_ => _calls.Expire(Now, OnDeadline));
    }

    protected override void Recovering() => Receive<Register>(OnRegister);

    // The credit of a call returns with a refusal, or when the registry has looked its providers up. What goes to a
    // handler is bounded by its own limit, also when the caller no longer waits.
    private void OnCall(Call msg)
    {
        if (msg.Message.Procedure.Length > _options.MaxProcedureLength)
        {
            Refuse(
                msg, ReplyErrorCodes.InvalidRequest,
                $"A procedure's name of {msg.Message.Procedure.Length} bytes is more than {_options.MaxProcedureLength}.");
            return;
        }

        if (_calls.Count >= _options.MaxPendingCalls)
        {
            _pending.Reject();
            Refuse(msg, ReplyErrorCodes.Overloaded, $"The node has {_calls.Count} pending calls, the most it may have; try again in a second.");
            return;
        }

        var ofCaller = _calls.CountOf(msg.Caller.Connection);
        if (ofCaller >= _options.MaxPendingCallsPerClient)
        {
            _pending.Reject();
            Refuse(msg, ReplyErrorCodes.Overloaded, $"The client has {ofCaller} pending calls, the most it may have; wait for some to end.");
            return;
        }

        var handler = _handlers.GetValueOrDefault(msg.Message.Procedure);
        if (handler is not null && _work[handler].Running.Count >= _options.MaxCallsPerHandler)
        {
            Refuse(
                msg, ReplyErrorCodes.Overloaded,
                $"{msg.Message.Procedure} has {_options.MaxCallsPerHandler} calls to do already; try again in a second.");
            return;
        }

        var call = new PendingCall(++_lastId, msg.Caller, msg.Message, msg.RoutedFrom);
        if (_calls.Add(call, Now + Timeout(msg.Message))) Context.Watch(call.Caller.Connection);
        _pending.Set(_calls.Count);
        if (handler is null)
        {
            var key = DhtKey.ForName(msg.Message.Procedure);
            _registry.Tell(new RegistryProtocol.FindProviders(key, call.Id, msg.Lease));
            return;
        }

        Run(call, handler);
        msg.Lease.Return();
    }

    private TimeSpan Timeout(CallMessage message) => message.Timeout is { } asked
        ? TimeSpan.FromMilliseconds(Math.Min(Math.Max(asked, 1), _options.MaxCallTimeout.TotalMilliseconds))
        : _options.CallTimeout;

    private void Run(PendingCall call, IActorRef handler)
    {
        _calls.Assign(call, handler, null);
        _work[handler].Running.Add(call.Id);
        handler.Tell(new Invoke(call.Message.Procedure.ToString(), call.Message.Args, call.Id));
        call.LetFrameGo();
    }

    private void OnProviders(RegistryProtocol.Providers msg)
    {
        if (!_calls.TryGet(msg.Id, out var call)) return; // ended meanwhile
        if (msg.Live.Count == 0)
        {
            var code = call.RoutedFrom.IsEmpty ? ReplyErrorCodes.NoSuchProcedure : ReplyErrorCodes.NoHandler;
            Fail(call, code, $"No handler registered for {call.Message.Procedure}");
            return;
        }

        var first = _options.Strategy switch
        {
            SelectionStrategy.RoundRobin => (int)(msg.Turn % msg.Live.Count),
            SelectionStrategy.Random => Random.Shared.Next(msg.Live.Count),
            _ => 0,
        };
        for (var i = 0; i < msg.Live.Count; i++)
            if (TrySend(call, msg.Live[(first + i) % msg.Live.Count])) return;

        Fail(call, ReplyErrorCodes.Overloaded, $"No provider of {call.Message.Procedure} takes a call now; try again.");
    }

    private bool TrySend(PendingCall call, RegistryProtocol.Provider provider)
    {
        var left = Math.Max(1, (int)(call.Due - Now).TotalMilliseconds);
        var frame = (call.Message with { CallId = CallId.FromCounter(_run + call.Id), Timeout = left }).ToFrame();
        if (provider.Stream is not { } stream) return false;
        var connection = stream.Connection;
        if (_calls.Assign(call, connection, stream)) Context.Watch(connection);
        if (stream.TrySend(frame, FrameDelivery.Refusable))
        {
            call.LetFrameGo();
            return true;
        }

        _calls.Unassign(call);
        return false;
    }

    private void OnReply(Reply msg)
    {
        if (IdOf(msg.Message.CallId) is not { } id || !_calls.TryGet(id, out var call)
            || !msg.Provider.Connection.Equals(call.Provider))
        {
            _metrics.LateReply();
            return;
        }

        Answer(call, msg.Message with { CallId = call.Message.CallId });
    }

    private void OnCompleted(Completed msg)
    {
        if (_work.TryGetValue(Sender, out var work)) work.Running.Remove(msg.Id);
        if (!_calls.TryGet(msg.Id, out var call) || !Sender.Equals(call.Provider))
        {
            _metrics.LateReply();
            return;
        }

        Answer(call, msg.Code is null
            ? new ReplyMessage(call.Message.CallId, msg.Result)
            : ReplyMessage.Failed(call.Message.CallId, msg.Code, msg.Message ?? ""));
    }

    private void OnCancel(Cancel msg)
    {
        if (!_calls.TryGet(msg.Caller.Connection, msg.Call, out var call)) return;
        TellCancelled(call);
        End(call, "cancelled");
        call.Caller.Settle();
    }

    private void OnDeadline(PendingCall call)
    {
        TellCancelled(call);
        Fail(call, ReplyErrorCodes.Timeout, $"No reply to {call.Message.Procedure} in time.");
    }

    private void OnStreamEnded(StreamEnded msg)
    {
        foreach (var call in _calls.RunningOn(msg.Stream)) FailForLack(call);
    }

    private void FailForLack(PendingCall call) =>
        Fail(call, ReplyErrorCodes.ProviderGone, $"The provider of {call.Message.Procedure} left before it replied.");

    private void OnTerminated(IActorRef party)
    {
        var (called, running) = _calls.RemoveParty(party);
        foreach (var call in called)
        {
            TellCancelled(call);
            End(call, "caller_gone");
            _log.Debug("Cleaned up pending call due to caller death");
        }

        foreach (var call in running) FailForLack(call);
        if (_work.Remove(party, out var work))
            foreach (var procedure in work.Procedures) _handlers.Remove(procedure);
    }

    private void OnRegister(Register msg)
    {
        Utf8Text procedure = msg.Procedure;
        if (_handlers.TryGetValue(procedure, out var previous)) _work[previous].Procedures.Remove(procedure);
        _handlers[procedure] = Context.Watch(msg.Handler);
        if (!_work.TryGetValue(msg.Handler, out var work)) _work[msg.Handler] = work = new Handler();
        work.Procedures.Add(procedure);
        Sender.Tell(new Registered(msg.Procedure));
        Context.Parent.Tell(new GatewayProtocol.Provided(msg.Procedure, msg.Handler));
    }

    private void OnRouteElsewhere(Route msg)
    {
        var (route, from) = (msg.Message, msg.Message.IsCall ? msg.From : null);
        _clients.Tell(new ClientProtocol.Deliver(route.Destination, route.ToFrame(), from, msg, msg.Lease));
    }

    private void OnRouteHere(Route msg)
    {
        var route = msg.Message;
        var error = default(DecodeError);
        if (route.IsCall && CallMessage.TryDecode(route.Payload.AsPayload(), out var call, out error))
        {
            OnCall(new Call(msg.From, call, msg.Lease, route.Source));
            return;
        }

        // A reply for this node itself would answer a call that it routed, and it routes none of its own.
        if (route.IsCall) RefuseRoute(msg, ReplyErrorCodes.InvalidRequest, error.ToString());
        else _metrics.LateReply();
        msg.Lease.Return();
    }

    private void OnUnroutable(Route msg)
    {
        var hops = Math.Min(msg.Message.MaxHops, _options.MaxHops);
        if (msg.Message.HopCount >= hops)
            RefuseRoute(msg, ReplyErrorCodes.MaxHopsExceeded, $"The message has made {msg.Message.HopCount} hops of {hops}.");
        else
            RefuseRoute(msg, ReplyErrorCodes.NoRoute, $"No way is known to {msg.Message.Destination}.");
    }

    // Only a call has someone who waits for an answer.
    private void RefuseRoute(Route msg, string code, string message)
    {
        if (!msg.Message.IsCall)
        {
            _log.Debug("Routed reply dropped: {Reason}", message);
            return;
        }

        CallMessage.TryDecode(msg.Message.Payload.AsPayload(), out var call, out _);
        Send(msg.From, msg.Message.Source, ReplyMessage.Failed(call.CallId, code, message));
        _metrics.CallEnded(code);
    }

    private void Refuse(Call msg, string code, string message)
    {
        msg.Lease.Return();
        Send(msg.Caller, msg.RoutedFrom, ReplyMessage.Failed(msg.Message.CallId, code, message));
        _metrics.CallEnded(code);
    }

    private void Fail(PendingCall call, string code, string message) =>
        Answer(call, ReplyMessage.Failed(call.Message.CallId, code, message));

    private void Answer(PendingCall call, ReplyMessage reply)
    {
        if (!End(call, Outcome(reply))) return;
        Send(call.Caller, call.RoutedFrom, reply);
    }

    private void Send(IFrameSink caller, NodeId routedFrom, ReplyMessage reply) => caller.TrySend(
        routedFrom.IsEmpty
            ? reply.ToFrame()
            : RpcRouteMessage.ForReply(routedFrom, _self, reply).ToFrame(),
        FrameDelivery.Answer);

    private bool End(PendingCall call, string outcome)
    {
        if (!_calls.Remove(call)) return false;
        _pending.Set(_calls.Count);
        _metrics.CallEnded(outcome);
        return true;
    }

    // A courtesy: callers who give up must not be able to drive a busy provider over its queue's limit.
    private void TellCancelled(PendingCall call) => call.ProviderStream?.TrySend(
        new CancelMessage(CallId.FromCounter(_run + call.Id)).ToFrame(), FrameDelivery.Refusable);

    // Providers may send any code; a metric's tag must come from a short list.
    private static string Outcome(ReplyMessage reply) => reply.Error is not { } error ? "ok"
        : KnownCodes.TryGetValue(error.Code.ToString(), out var code) ? code
        : "other_error";

    private ulong? IdOf(CallId id)
    {
        if (id.Length != CallId.DefaultLength) return null;
        Span<byte> bytes = stackalloc byte[CallId.DefaultLength];
        id.CopyTo(bytes);
        var offset = BinaryPrimitives.ReadUInt128BigEndian(bytes) - _run;
        return offset <= _lastId ? (ulong)offset : null;
    }

    /// <summary>An actor of this node that provides procedures.</summary>
    private sealed class Handler
    {
        public HashSet<Utf8Text> Procedures { get; } = [];

        /// <summary>The calls that it has not completed, ended ones included: they are still in its mailbox.</summary>
        public HashSet<ulong> Running { get; } = [];
    }

    private enum Tick
    {
        Deadlines,
    }
}
