using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Registry;

/// <summary>Who provides what, for how long; and which nodes are known.</summary>
/// <remarks>A lease ends exactly: what is over is never found, and the sweep each cleanup-interval only frees its
/// memory. Each owner of a record and each known node's connection is watched; its end withdraws all of it.</remarks>
public sealed class RegistryActor : LeasedActor, IWithTimers
{
    private const int ClosestNodes = 20;

    // A reply must fit into a frame that any peer takes; who wants more providers than that asks again later.
    private const int MaxReplyBytes = 512 * 1024;

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<IActorRef, NodeId> _seen = [];
    private readonly Dictionary<NodeId, IActorRef> _seenOn = [];
    private readonly LogThrottle _refusals = new(TimeSpan.FromSeconds(1));
    private readonly RegistryOptions _options;
    private readonly GatewayMetrics _metrics;
    private readonly ServiceTable _services;
    private readonly RoutingTable<NodeInfo> _nodes;
    private readonly BoundedTable _serviceTable;
    private readonly BoundedTable _nodeTable;

    public static Props Props(RegistryOptions options, NodeId self, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new RegistryActor(options, self, census, metrics));

    public RegistryActor(RegistryOptions options, NodeId self, TableCensus census, GatewayMetrics metrics)
    {
        (_options, _metrics) = (options, metrics);
        _services = new ServiceTable(options, Now);
        _nodes = new RoutingTable<NodeInfo>(self);
        _serviceTable = census.Add("registry.services", options.MaxServices);
        _nodeTable = census.Add("registry.nodes", _nodes.Limit);

        ReceiveLeased<Store>(OnStore);
        ReceiveLeased<FindValue>(OnFindValue);
        ReceiveLeased<FindNode>(OnFindNode);
        ReceiveLeased<FindProviders>(OnFindProviders);
        ReceiveLeased<NodeSeen>(OnNodeSeen);
        Receive<StreamEnded>(OnStreamEnded);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(_ => OnSweep());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void PreStart() =>
        Timers.StartPeriodicTimer(Tick.Sweep, Tick.Sweep, _options.CleanupInterval);

    private void OnStore(Store msg)
    {
        var key = DhtKey.FromBytes(msg.Message.Key.Span);
        var owner = msg.Sender.IsEmpty ? null : msg.Stream.Connection;
        if (owner is not null && !owner.Equals(_seenOn.GetValueOrDefault(msg.Sender))) return; // superseded
        foreach (var value in msg.Message.Value.Elements() ?? [])
        {
            if (Put(key, value, msg, owner) is { } fault && _refusals.Admits(Now, out var suppressed))
                _log.Warning("STORE refused: {Fault} ({Suppressed} more not logged)", fault, suppressed);
        }

        if (owner is not null) WatchOrNot(owner);
        _serviceTable.Set(_services.Count);
    }

    private string? Put(DhtKey key, RawValue value, Store msg, IActorRef? owner)
    {
        if (value.Bytes.Length > _options.MaxValueSize)
            return $"a value of {value.Bytes.Length} bytes is more than max-value-size {_options.MaxValueSize}";
        if (!ServiceRecord.TryDecode(value, out var record, out var error)) return $"no service record: {error}";
        var isOwn = owner is not null && record.NodeId == msg.Sender;
        if (record.Ttl == 0)
        {
            _services.Withdraw(key, record.NodeId, owner, isOwn);
            return null;
        }

        var lease = TimeSpan.FromSeconds(Math.Min(record.Ttl, _options.ServiceTtl.TotalSeconds));
        var callable = owner is not null && !record.Metadata.IsEmpty; // subscriptions are stored too, without metadata
        var refusal = _services.Put(
            key, record.NodeId, value, msg.Stream, owner, isOwn, callable, Now + lease);
        if (refusal == StoreRefusal.None) return null;
        _serviceTable.Reject();
        return refusal switch
        {
            StoreRefusal.MaxServices => $"the node has max-services {_options.MaxServices} already",
            StoreRefusal.MaxServicesPerClient =>
                $"the client has max-services-per-client {_options.MaxServicesPerClient} already",
            StoreRefusal.MaxProvidersPerService =>
                $"the service has max-providers-per-service {_options.MaxProvidersPerService} already",
            _ => $"the record of {record.NodeId} belongs to another client that is connected",
        };
    }

    private void OnFindValue(FindValue msg)
    {
        var key = DhtKey.FromBytes(msg.Message.Key.Span);
        List<RawValue> values = [];
        var bytes = 0;
        foreach (var value in _services.Values(key, Now))
        {
            bytes += value.Bytes.Length;
            if (values.Count > 0 && bytes > MaxReplyBytes) break;
            values.Add(value);
        }

        var reply = values.Count > 0
            ? FindValueReplyMessage.Found(values)
            : FindValueReplyMessage.Missed(Closest(key));
        msg.Stream.TrySend(reply.ToFrame(), FrameDelivery.Answer);
    }

    private void OnFindNode(FindNode msg)
    {
        var reply = new FindNodeReplyMessage(Closest(DhtKey.FromBytes(msg.Message.Target.Span)));
        msg.Stream.TrySend(reply.ToFrame(), FrameDelivery.Answer);
    }

    private List<NodeInfo> Closest(DhtKey target) =>
        [.. _nodes.Closest(target, ClosestNodes).Select(found => found.Value)];

    private void OnFindProviders(FindProviders msg)
    {
        var (live, turn) = _services.Providers(msg.Key, Now);
        Sender.Tell(new Providers(msg.Call, live, turn));
    }

    private void OnNodeSeen(NodeSeen msg)
    {
        var connection = msg.Stream.Connection;
        ForgetNode(connection);
        if (_seenOn.TryGetValue(msg.Node, out var superseded))
        {
            // The newer session advertises anew, while the older may take its time to end.
            _services.WithdrawAll(superseded);
            ForgetNode(superseded);
            WatchOrNot(superseded);
            _serviceTable.Set(_services.Count);
        }

        var lastSeen = Context.System.Scheduler.Now.ToUnixTimeMilliseconds();
        var info = new NodeInfo(
            msg.Node, msg.Address, lastSeen, msg.Endpoint.Length > 0 ? (Utf8Text?)msg.Endpoint : null);
        _nodes.Put(msg.Node, info); // not when its bucket is full, or it has the id of this node
        _seen[connection] = msg.Node;
        _seenOn[msg.Node] = connection;
        WatchOrNot(connection);
        _nodeTable.Set(_nodes.Count);
    }

    private void OnStreamEnded(StreamEnded msg)
    {
        _services.WithdrawAll(msg.Stream.Connection, msg.Stream);
        WatchOrNot(msg.Stream.Connection);
        _serviceTable.Set(_services.Count);
    }

    private void OnTerminated(IActorRef connection)
    {
        _services.WithdrawAll(connection);
        ForgetNode(connection);
        _serviceTable.Set(_services.Count);
        _nodeTable.Set(_nodes.Count);
    }

    // Both tables change together: after a takeover the older connection is in neither.
    private void ForgetNode(IActorRef connection)
    {
        if (!_seen.Remove(connection, out var node)) return;
        _seenOn.Remove(node);
        _nodes.Remove(node);
    }

    private void OnSweep()
    {
        var removed = _services.Expire(Now);
        _metrics.ServicesExpired(removed);
        _serviceTable.Set(_services.Count);
        if (removed > 0) _log.Info("Service cleanup: removed {Count} expired service(s)", removed);
        else _log.Debug("Service cleanup: no expired services");
    }

    private void WatchOrNot(IActorRef connection)
    {
        if (_services.Owns(connection) || _seen.ContainsKey(connection)) Context.Watch(connection);
        else Context.Unwatch(connection);
    }

    private enum Tick
    {
        Sweep,
    }
}
