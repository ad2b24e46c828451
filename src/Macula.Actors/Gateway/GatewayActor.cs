using System.Net;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Diagnostics;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using static Macula.Actors.Gateway.GatewayProtocol;

namespace Macula.Actors.Gateway;

/// <summary>The node: starts its concerns and its listeners, says when it is ready, and ends it all in order.</summary>
/// <remarks>The concerns are restarted rest-for-one, and what a restarted one has forgotten the connections announce to
/// it again (docs/failure-modes.md). One that fails too often ends the node.</remarks>
public sealed class GatewayActor : ReceiveActor, IWithTimers
{
    private const int MaxRestarts = 10;

    private static readonly TimeSpan RestartWindow = TimeSpan.FromSeconds(60);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly GatewaySettings _settings;
    private readonly GatewayIdentity _identity;
    private readonly NodeEdge _edge;
    private readonly GatewayMetrics _metrics;
    private readonly TableCensus _census;
    private readonly HashSet<IActorRef> _listeners = [];
    private readonly List<IPEndPoint> _bound = [];
    private readonly List<IActorRef> _asking = [];
    private readonly List<IActorRef> _concerns = []; // each depends on those before it
    private readonly Dictionary<IActorRef, (long Round, HashSet<IActorRef> Listeners)> _recovering = [];
    private readonly Dictionary<string, IActorRef> _handlers = new(StringComparer.Ordinal);
    private IActorRef _clients = ActorRefs.Nobody;
    private IActorRef _rpc = ActorRefs.Nobody;
    private IActorRef _mesh = ActorRefs.Nobody;
    private IActorRef _memory = ActorRefs.Nobody;
    private Neighbours? _neighbours;
    private long _round;
    private bool _draining;
    private Exception? _fault;

    public static Props Props(
        GatewaySettings settings, NodeId node, string realm, NodeEdge edge, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new GatewayActor(settings, node, realm, edge, census, metrics));

    public GatewayActor(
        GatewaySettings settings, NodeId node, string realm, NodeEdge edge, TableCensus census, GatewayMetrics metrics)
    {
        (_settings, _edge, _census, _metrics) = (settings, edge, census, metrics);
        _identity = new GatewayIdentity(node, realm, settings.PubSub);

        Receive<ListenerProtocol.Bound>(OnBound);
        Receive<ListenerProtocol.NotBound>(OnNotBound);
        Receive<GetReady>(_ => OnGetReady());
        Receive<Shutdown>(OnShutdown);
        Receive<ClientProtocol.Drained>(_ => CloseAll());
        Receive<Tick>(_ => CloseAll());
        Receive<Restarted>(_ => OnRestarted());
        Receive<ListenerProtocol.Announced>(OnAnnounced);
        Receive<Provided>(OnProvided);
        Receive<Terminated>(msg => OnEnded(msg.ActorRef));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override SupervisorStrategy SupervisorStrategy() =>
        new RestForOneStrategy(() => _concerns, _listeners.Contains, MaxRestarts, RestartWindow);

    protected override void PreStart()
    {
        ConnectionMailbox.Configure(Context.System);
        _clients = Concern(ClientManagerActor.Props(_settings.Clients, _census, _metrics), "clients");
        var pubSub = Concern(PubSubActor.Props(_settings.PubSub, _census, _metrics), "pubsub");
        var registry = Concern(
            RegistryActor.Props(_settings.Registry, _settings.KnownPeers, _identity.Node, _census, _metrics), "registry");
        _mesh = Context.Watch(Context.ActorOf(
            MeshPoolActor.Props(
                _settings.Mesh, _edge.Provider, _edge.Dial, _settings.Gateway.MaxFrameSize, _census, _metrics),
            "mesh"));
        _rpc = Concern(
            RpcActor.Props(_settings.Rpc, _identity.Node, registry, _clients, _mesh, _census, _metrics), "rpc");
        _concerns.Add(_mesh);
        registry.Tell(new RegistryProtocol.UseMesh(_mesh));
        var diagnostics = Context.ActorOf(DiagnosticsActor.Props(_identity, _census), "diagnostics");
        foreach (var procedure in DiagnosticsActor.Procedures)
            _rpc.Tell(new RpcProtocol.Register(procedure, diagnostics), diagnostics);

        var neighbours = _neighbours = new Neighbours(_clients, pubSub, registry, _rpc, _mesh);
        var outbound = _settings.Gateway.NewOutbound();
        var dedupeIds = _census.Add("pubsub.dedupe_ids", _settings.PubSub.MaxDedupeIds);
        var environment = new ConnectionEnvironment(
            _identity, _settings.Gateway, neighbours, dedupeIds, _metrics, outbound);
        var connections = _census.Add("connections", _settings.Gateway.MaxConnections);
        for (var i = 0; i < _edge.Listen.Count; i++)
        {
            var listener = Context.ActorOf(
                QuicListenerActor.Props(
                    _edge.Provider, _edge.Listen[i],
                    connection => ClientConnectionActor.Props(connection, environment), connections, _metrics),
                $"listener-{i + 1}");
            _listeners.Add(Context.Watch(listener));
        }

        _memory = Context.ActorOf(
            MemoryGuardActor.Props(
                _settings.Memory, _edge.Memory, outbound, [_clients, _mesh, pubSub, registry, .. _listeners], _census,
                _metrics),
            "memory");
    }

    private IActorRef Concern(Props props, string name)
    {
        var concern = Context.Watch(Context.ActorOf(props, name));
        _concerns.Add(concern);
        return concern;
    }

    private void OnRestarted()
    {
        var concern = Sender;
        _log.Warning("The concern {Concern} failed and has started anew: all connections announce themselves to it", concern.Path.Name);
        _metrics.ConcernRestarted(concern.Path.Name);
        _memory.Tell(MemoryProtocol.GetLevel.Instance, concern);
        if (concern.Equals(_neighbours!.Registry)) concern.Tell(new RegistryProtocol.UseMesh(_mesh));
        if (concern.Equals(_rpc))
            foreach (var (procedure, handler) in _handlers)
                concern.Tell(new RpcProtocol.Register(procedure, handler), handler);

        _recovering[concern] = (++_round, [.. _listeners]);
        foreach (var listener in _listeners) listener.Tell(new ListenerProtocol.Announce(concern, _round));
        OnAnnounced(new ListenerProtocol.Announced(concern, _round));
    }

    private void OnAnnounced(ListenerProtocol.Announced msg)
    {
        if (!_recovering.TryGetValue(msg.Concern, out var recovering) || recovering.Round != msg.Round) return;
        recovering.Listeners.Remove(Sender);
        if (recovering.Listeners.Count > 0) return;
        _recovering.Remove(msg.Concern);
        msg.Concern.Tell(Recovered.Instance);
        if (_draining && msg.Concern.Equals(_clients)) _clients.Tell(ClientProtocol.Drain.Instance);
    }

    private void OnProvided(Provided msg)
    {
        if (!_handlers.ContainsValue(msg.Handler)) Context.Watch(msg.Handler);
        _handlers[msg.Procedure] = msg.Handler;
    }

    // A node that hears nobody, or has a concern that cannot be kept alive, must not look alive: whoever runs it starts
    // it again.
    private void OnEnded(IActorRef ended)
    {
        foreach (var (procedure, handler) in _handlers.ToArray())
            if (handler.Equals(ended)) _handlers.Remove(procedure);
        if (!_listeners.Remove(ended) && !_concerns.Contains(ended)) return;
        if (ended.Equals(_mesh)) _mesh = ActorRefs.Nobody;
        if (_fault is not null) return; // it never listened, and whoever asks is told
        _log.Error("{Actor} has ended: stopping the node", ended.Path.Name);
        CloseAll();
    }

    private void OnBound(ListenerProtocol.Bound msg)
    {
        _bound.Add(msg.EndPoint);
        _log.Info("Listening on {EndPoint} (QUIC provider {Provider})", msg.EndPoint, _edge.Provider.Name);
        AnswerIfKnown();
    }

    private void OnNotBound(ListenerProtocol.NotBound msg)
    {
        _fault ??= msg.Cause;
        AnswerIfKnown();
    }

    private void OnGetReady()
    {
        _asking.Add(Sender);
        AnswerIfKnown();
    }

    private void AnswerIfKnown()
    {
        if (_fault is null && _bound.Count < _edge.Listen.Count) return;
        object answer = _fault is null ? new Ready([.. _bound], _neighbours!) : new Status.Failure(_fault);
        foreach (var asking in _asking) asking.Tell(answer);
        _asking.Clear();
    }

    private void OnShutdown(Shutdown msg)
    {
        if (_draining || msg.DrainWithin <= TimeSpan.Zero)
        {
            CloseAll();
            return;
        }

        _draining = true;
        Timers.StartSingleTimer(Tick.DrainedLongEnough, Tick.DrainedLongEnough, msg.DrainWithin);
        _clients.Tell(ClientProtocol.Drain.Instance);
    }

    private void CloseAll()
    {
        _log.Info("Shutting down: telling {Clients} connections", _census.Tables.First(t => t.Name == "connections").Size);
        foreach (var listener in _listeners) listener.Tell(ListenerProtocol.Shutdown.Instance);
        Become(ShuttingDown);
        StopIfDone();
    }

    private void ShuttingDown()
    {
        Receive<Terminated>(msg =>
        {
            if (msg.ActorRef.Equals(_mesh)) _mesh = ActorRefs.Nobody;
            _listeners.Remove(msg.ActorRef);
            StopIfDone();
        });
        Receive<GetReady>(_ => Sender.Tell(new Status.Failure(new InvalidOperationException("The node is shutting down."))));
        ReceiveAny(_ => { });
    }

    private void StopIfDone()
    {
        if (_listeners.Count > 0) return;
        if (_mesh.IsNobody()) Context.Stop(Self);
        else _mesh.Tell(MeshProtocol.Shutdown.Instance); // the last: clients' calls went over it
    }

    private enum Tick
    {
        DrainedLongEnough,
    }
}
