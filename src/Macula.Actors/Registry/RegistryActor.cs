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
public sealed class RegistryActor : ConcernActor
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

        Working();
    }

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void PreStart() =>
        Timers.StartPeriodicTimer(Tick.Sweep, Tick.Sweep, _options.CleanupInterval);

    // What is being handled when this actor fails gets no answer; its stream must not wait for one.
    protected override void PreRestart(Exception reason, object message)
    {
        if (message is FindValue value) value.Stream.Settle();
        else if (message is FindNode node) node.Stream.Settle();
        base.PreRestart(reason, message);
    }

    protected override void Working()
    {
        ReceiveLeased<Store>(OnStore);
        ReceiveLeased<FindValue>(OnFindValue);
        ReceiveLeased<FindNode>(OnFindNode);
        ReceiveLeased<FindProviders>(OnFindProviders);
        ReceiveLeased<NodeSeen>(OnNodeSeen);
        Receive<StreamEnded>(OnStreamEnded);
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(_ => OnSweep());
    }

    // The end of a stream waits for what was said on it before.
    protected override void Recovering()
    {
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(_ => OnSweep());
    }

    private void OnStore(Store msg)
    {
        var owner = msg.Sender.IsEmpty ? null : msg.Stream.Connection;
        if (owner is not null && !owner.Equals(_seenOn.GetValueOrDefault(msg.Sender))) return; // superseded
        List<StoredRecord>? refused = null;
        foreach (var record in msg.Records)
        {
            if (Put(msg.Key, record, msg.Stream, msg.Sender) is not { } fault) continue;
            (refused ??= []).Add(record);
            if (_refusals.Admits(Now, out var suppressed))
                _log.Warning("STORE refused: {Fault} ({Suppressed} more not logged)", fault, suppressed);
        }

        if (refused is not null) msg.Stream.Connection.Tell(new NotStored(msg.Stream, msg.Key, refused));
        if (owner is not null) WatchOrNot(owner);
        _serviceTable.Set(_services.Count);
    }

    private string? Put(DhtKey key, StoredRecord stored, IFrameSink stream, NodeId sender)
    {
        var (record, value) = (stored.Record, stored.Value);
        if (value.Bytes.Length > _options.MaxValueSize)
            return $"a value of {value.Bytes.Length} bytes is more than max-value-size {_options.MaxValueSize}";
        var owner = sender.IsEmpty ? null : stream.Connection;
        var isOwn = owner is not null && record.NodeId == sender;
        if (record.Ttl == 0)
        {
            _services.Withdraw(key, record.NodeId, owner, isOwn);
            return null;
        }

        var due = stored.At + TimeSpan.FromSeconds(Math.Min(record.Ttl, _options.ServiceTtl.TotalSeconds));
        var callable = owner is not null && !record.Metadata.IsEmpty; // subscriptions are stored too, without metadata
        var refusal = _services.Put(key, stored, stream, owner, isOwn, callable, due);
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
        Sender.Tell(new Providers(msg.Id, live, turn, []));
    }

    private void OnNodeSeen(NodeSeen msg) => See(msg.Stream, msg.Node, msg.Address, msg.Endpoint);

    private void OnResume(Resume msg)
    {
        if (!msg.Node.IsEmpty) See(msg.Stream, msg.Node, msg.Address, msg.Endpoint);
        foreach (var (stream, key, record) in msg.Records)
            if (Put(key, record, stream, msg.Node) is not null)
                stream.Connection.Tell(new NotStored(stream, key, [record]));
        if (!msg.Node.IsEmpty) WatchOrNot(msg.Stream.Connection);
        _serviceTable.Set(_services.Count);
    }

    private void See(IFrameSink stream, NodeId node, string address, string endpoint)
    {
        var connection = stream.Connection;
        ForgetNode(connection);
        if (_seenOn.TryGetValue(node, out var superseded))
        {
            // The newer session advertises anew, while the older may take its time to end.
            _services.WithdrawAll(superseded);
            ForgetNode(superseded);
            WatchOrNot(superseded);
            _serviceTable.Set(_services.Count);
        }

        var lastSeen = Context.System.Scheduler.Now.ToUnixTimeMilliseconds();
        var info = new NodeInfo(node, address, lastSeen, endpoint.Length > 0 ? (Utf8Text?)endpoint : null);
        _nodes.Put(node, info); // not when its bucket is full, or it has the id of this node
        _seen[connection] = node;
        _seenOn[node] = connection;
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
        var removed = _services.Expire(Now, (stream, key, record) =>
            stream.Connection.Tell(new NotStored(stream, key, [record])));
        _serviceTable.Expired(removed);
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
