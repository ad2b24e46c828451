using System.Net;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Diagnostics;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using Macula.Actors.Transport;
using static Macula.Actors.Gateway.GatewayProtocol;

namespace Macula.Actors.Gateway;

/// <summary>The node: starts its concerns and its listeners, says when it is ready, and ends it all in order.</summary>
public sealed class GatewayActor : ReceiveActor
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly GatewaySettings _settings;
    private readonly GatewayIdentity _identity;
    private readonly IQuicProvider _provider;
    private readonly IReadOnlyList<QuicListenOptions> _listen;
    private readonly GatewayMetrics _metrics;
    private readonly TableCensus _census;
    private readonly HashSet<IActorRef> _listeners = [];
    private readonly List<IPEndPoint> _bound = [];
    private readonly List<IActorRef> _asking = [];
    private IActorRef _clients = ActorRefs.Nobody;
    private IActorRef _rpc = ActorRefs.Nobody;
    private IActorRef _diagnostics = ActorRefs.Nobody;
    private Exception? _fault;

    /// <param name="listen">An entry per address, at least one.</param>
    public static Props Props(
        GatewaySettings settings, NodeId node, string realm, IQuicProvider provider,
        IReadOnlyList<QuicListenOptions> listen, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new GatewayActor(settings, node, realm, provider, listen, census, metrics));

    public GatewayActor(
        GatewaySettings settings, NodeId node, string realm, IQuicProvider provider,
        IReadOnlyList<QuicListenOptions> listen, TableCensus census, GatewayMetrics metrics)
    {
        (_settings, _provider, _listen, _census, _metrics) = (settings, provider, listen, census, metrics);
        _identity = new GatewayIdentity(node, realm, settings.PubSub);

        Receive<ListenerProtocol.Bound>(OnBound);
        Receive<ListenerProtocol.NotBound>(OnNotBound);
        Receive<GetReady>(_ => OnGetReady());
        Receive<Shutdown>(_ => OnShutdown());
        Receive<StateLost>(OnStateLost);
        Receive<Terminated>(OnListenerEnded);
    }

    protected override void PreStart()
    {
        _clients = Context.ActorOf(ClientManagerActor.Props(_settings.Clients, _census, _metrics), "clients");
        var pubSub = Context.ActorOf(PubSubActor.Props(_settings.PubSub, _census, _metrics), "pubsub");
        var registry = Context.ActorOf(
            RegistryActor.Props(_settings.Registry, _identity.Node, _census, _metrics), "registry");
        _rpc = Context.ActorOf(
            RpcActor.Props(_settings.Rpc, _identity.Node, registry, _clients, _census, _metrics), "rpc");
        _diagnostics = Context.ActorOf(DiagnosticsActor.Props(_identity, _census), "diagnostics");
        RegisterDiagnostics();

        var neighbours = new Neighbours(_clients, pubSub, registry, _rpc);
        var connections = _census.Add("connections", _settings.Gateway.MaxConnections);
        for (var i = 0; i < _listen.Count; i++)
        {
            var listener = Context.ActorOf(
                QuicListenerActor.Props(
                    _provider, _listen[i],
                    connection => ClientConnectionActor.Props(
                        connection, _identity, _settings.Gateway, neighbours, _metrics),
                    connections, _metrics),
                $"listener-{i + 1}");
            _listeners.Add(Context.Watch(listener));
        }
    }

    private void RegisterDiagnostics()
    {
        foreach (var procedure in DiagnosticsActor.Procedures)
            _rpc.Tell(new RpcProtocol.Register(procedure, _diagnostics), _diagnostics);
    }

    private void OnStateLost(StateLost msg)
    {
        _log.Error("The actor {Concern} failed and lost its state: closing all connections, so that clients start anew", msg.Concern);
        RegisterDiagnostics();
        var why = new ConnectionProtocol.Close(
            DisconnectReason.InternalError, "The node has lost what it knew of this session; connect again.");
        foreach (var listener in _listeners) listener.Tell(new ListenerProtocol.CloseAll(why));
    }

    // A node that hears nobody must not look alive: whoever runs it starts it again.
    private void OnListenerEnded(Terminated msg)
    {
        _listeners.Remove(msg.ActorRef);
        if (_fault is not null) return; // it never listened, and whoever asks is told
        _log.Error("The listener {Listener} has ended: stopping the node", msg.ActorRef.Path.Name);
        OnShutdown();
    }

    private void OnBound(ListenerProtocol.Bound msg)
    {
        _bound.Add(msg.EndPoint);
        _log.Info("Listening on {EndPoint} (QUIC provider {Provider})", msg.EndPoint, _provider.Name);
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
        if (_fault is null && _bound.Count < _listen.Count) return;
        object answer = _fault is null ? new Ready([.. _bound]) : new Status.Failure(_fault);
        foreach (var asking in _asking) asking.Tell(answer);
        _asking.Clear();
    }

    private void OnShutdown()
    {
        _log.Info("Shutting down: telling {Clients} connections", _census.Tables.First(t => t.Name == "connections").Size);
        _clients.Tell(ClientProtocol.Drain.Instance);
        foreach (var listener in _listeners) listener.Tell(ListenerProtocol.Shutdown.Instance);
        Become(ShuttingDown);
        StopIfDone();
    }

    private void ShuttingDown()
    {
        Receive<Terminated>(msg =>
        {
            _listeners.Remove(msg.ActorRef);
            StopIfDone();
        });
        Receive<GetReady>(_ => Sender.Tell(new Status.Failure(new InvalidOperationException("The node is shutting down."))));
        ReceiveAny(_ => { });
    }

    private void StopIfDone()
    {
        if (_listeners.Count == 0) Context.Stop(Self);
    }
}
