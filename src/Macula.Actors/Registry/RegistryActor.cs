using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Registry;

/// <summary>Who provides what, for how long, here and elsewhere; and which nodes are known.</summary>
/// <remarks>A lease ends exactly: what is over is never found, and the sweep each cleanup-interval only frees its
/// memory. Each connection that is known or has stored something is watched; its end withdraws all of it.</remarks>
public sealed class RegistryActor : ConcernActor
{
    private const int ClosestNodes = 20;
    private const int ClosestPeers = 3;

    // Each question of some 60 bytes has a reply made for it, on the one actor that all share.
    private const int MaxReplyBytes = 64 * 1024;

    // For a question to a peer, the dial included; it is over before the next refresh in any case.
    private static readonly TimeSpan ExchangeTimeout = TimeSpan.FromSeconds(5);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<IActorRef, NodeId> _seen = [];
    private readonly Dictionary<NodeId, (IActorRef Connection, long Session)> _seenOn = [];
    private readonly Dictionary<ulong, Peer> _asked = []; // by the exchange that is under way
    private readonly LogThrottle _refusals = new(TimeSpan.FromSeconds(1));
    private readonly RegistryOptions _options;
    private readonly KnownPeersOptions _peerOptions;
    private readonly NodeId _self;
    private readonly ReadOnlyMemory<byte> _question;
    private readonly GatewayMetrics _metrics;
    private readonly ServiceTable _services;
    private readonly DiscoveryCache _cache;
    private readonly RoutingTable<NodeInfo> _nodes; // clients that are connected here
    private readonly PeerTable _peers;
    private readonly BoundedTable _serviceTable;
    private readonly BoundedTable _byteTable;
    private readonly BoundedTable _cacheTable;
    private readonly BoundedTable _nodeTable;
    private readonly BoundedTable _peerTable;
    private IActorRef? _mesh;
    // From anywhere, so that an answer to a predecessor of this actor meets nobody.
    private ulong _lastId = (ulong)Random.Shared.NextInt64();
    private bool _isCaching = true;

    public static Props Props(
        RegistryOptions options, KnownPeersOptions peers, NodeId self, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new RegistryActor(options, peers, self, census, metrics));

    public RegistryActor(
        RegistryOptions options, KnownPeersOptions peers, NodeId self, TableCensus census, GatewayMetrics metrics)
    {
        (_options, _peerOptions, _self, _metrics) = (options, peers, self, metrics);
        var context = Context;
        _services = new ServiceTable(
            options, Now, connection => context.Watch(connection),
            static (connection, key, record) => connection.Tell(new NotStored([(key, record)])));
        _cache = new DiscoveryCache(options, Now);
        _nodes = new RoutingTable<NodeInfo>(self);
        _peers = new PeerTable(peers, self, Now);
        _question = new FindNodeMessage(self.Bytes).ToFrame();
        _serviceTable = census.Add("registry.services", options.MaxServices);
        _byteTable = census.Add("registry.bytes", options.MaxStoredBytes);
        _cacheTable = census.Add("registry.cache", options.MaxCachedServices);
        _nodeTable = census.Add("registry.nodes", _nodes.Limit);
        _peerTable = census.Add("registry.peers", _peers.Limit);
        PeersChanged();

        Working();
    }

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    private static long UnixNow => Context.System.Scheduler.Now.ToUnixTimeMilliseconds();

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(Tick.Sweep, Tick.Sweep, _options.CleanupInterval);
        Timers.StartPeriodicTimer(Tick.Refresh, Tick.Refresh, _peerOptions.RefreshInterval);
    }

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
        Receive<Learned>(OnLearned);
        Receive<FindNextHops>(OnFindNextHops);
        Receive<PeerFailed>(msg => OnPeerFailed(msg.Peer));
        Receive<StreamEnded>(OnStreamEnded);
        Recovering();
    }

    // The end of a stream waits for what was said on it before.
    protected override void Recovering()
    {
        Receive<Resume>(OnResume);
        Receive<UseMesh>(OnUseMesh);
        Receive<MeshProtocol.Exchanged>(OnExchanged);
        Receive<MeshProtocol.ExchangeFailed>(OnExchangeFailed);
        Receive<MemoryProtocol.LevelChanged>(msg => OnLevel(msg.Level));
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Tick>(tick => tick == Tick.Sweep, _ => OnSweep());
        Receive<Tick>(_ => OnRefresh());
    }

    // ---- leases

    private void OnStore(Store msg)
    {
        if (!msg.Sender.IsEmpty && !msg.Stream.Connection.Equals(_seenOn.GetValueOrDefault(msg.Sender).Connection)) return; // superseded
        List<(DhtKey, StoredRecord)>? refused = null;
        foreach (var record in msg.Records)
            if (!TryPut(msg.Key, record, msg.Stream, msg.Sender)) (refused ??= []).Add((msg.Key, record));
        if (refused is not null) msg.Stream.Connection.Tell(new NotStored(refused));
        ServicesChanged();
    }

    private bool TryPut(DhtKey key, StoredRecord stored, IFrameSink stream, NodeId sender)
    {
        var record = stored.Record;
        var claim = sender.IsEmpty ? Claim.Peer : record.NodeId == sender ? Claim.Own : Claim.Client;
        if (record.Ttl == 0)
        {
            _services.Withdraw(key, record.NodeId, stream, claim);
            return true;
        }

        if (stored.Value.Bytes.Length > _options.MaxValueSize)
        {
            _serviceTable.Reject("too_large");
            LogRefusal($"a value of {stored.Value.Bytes.Length} bytes is more than max-value-size {_options.MaxValueSize}");
            return false;
        }

        // Subscriptions are stored too, without metadata. A client is called on its stream, whatever endpoint it names.
        var isCallable = !record.Metadata.IsEmpty;
        var address = isCallable && claim != Claim.Own ? Elsewhere(record) : null;
        if (claim == Claim.Peer && address is null) isCallable = false;
        var due = stored.At + TimeSpan.FromTicks(Math.Min(record.Ttl * TimeSpan.TicksPerSecond, _options.ServiceTtl.Ticks));
        var refusal = _services.Put(key, stored, stream, claim, address, isCallable, due, out var gaveWay);
        if (gaveWay) _serviceTable.Evicted();
        if (refusal == StoreRefusal.None) return true;
        OnRefused(refusal, record.NodeId);
        return false;
    }

    private PeerAddress? Elsewhere(ServiceRecord record) =>
        PeerAddress.TryParse(record.Endpoint.ToString(), out var address) && _peers.IsOther(new Peer(record.NodeId, address))
            ? address
            : null;

    private void OnRefused(StoreRefusal refusal, NodeId node)
    {
        var (table, reason, sentence) = refusal switch
        {
            StoreRefusal.MaxServices =>
                (_serviceTable, BoundedTable.Full, $"the node has max-services {_options.MaxServices} already"),
            StoreRefusal.MaxServicesPerClient =>
                (_serviceTable, "per_client",
                    $"the client has max-services-per-client {_options.MaxServicesPerClient} already"),
            StoreRefusal.MaxProvidersPerService =>
                (_serviceTable, "per_service",
                    $"the service has max-providers-per-service {_options.MaxProvidersPerService} already"),
            StoreRefusal.MaxStoredBytes =>
                (_byteTable, BoundedTable.Full, $"the node has max-stored-bytes {_options.MaxStoredBytes} already"),
            StoreRefusal.MaxStoredBytesPerClient =>
                (_byteTable, "per_client",
                    $"the client has max-stored-bytes-per-client {_options.MaxStoredBytesPerClient} already"),
            _ => (_serviceTable, "not_owner", $"the record of {node} belongs to another client that is connected"),
        };
        table.Reject(reason);
        LogRefusal(sentence);
    }

    private void LogRefusal(string fault)
    {
        if (_refusals.Admits(Now, out var suppressed))
            _log.Warning("STORE refused: {Fault} ({Suppressed} more not logged)", fault, suppressed);
    }

    private void OnResume(Resume msg)
    {
        if (!msg.Node.IsEmpty) See(msg.Stream, msg.Node, msg.Address, msg.Endpoint, msg.Session);
        List<(DhtKey, StoredRecord)> refused = [];
        foreach (var (stream, key, record) in msg.Records)
            if (!TryPut(key, record, stream, msg.Node)) refused.Add((key, record));
        if (refused.Count > 0) msg.Stream.Connection.Tell(new NotStored(refused));
        ServicesChanged();
    }

    private void OnStreamEnded(StreamEnded msg)
    {
        _services.WithdrawAll(msg.Stream);
        ServicesChanged();
    }

    private void OnTerminated(IActorRef connection)
    {
        _services.WithdrawAll(connection);
        ForgetNode(connection);
        ServicesChanged();
        _nodeTable.Set(_nodes.Count);
    }

    private void OnSweep()
    {
        var removed = _services.Sweep(
            Now, static (connection, records) => connection.Tell(new NotStored(records)), out var kept);
        if (kept > 0)
        {
            _log.Warning(
                "Service cleanup: {Kept} of {Count} services expired at once, which this node probably caused itself "
                + "(was it stopped?): they are kept for another {Interval}",
                kept, _services.Count, _options.CleanupInterval);
        }

        _serviceTable.Expired(removed);
        _metrics.ServicesExpired(removed);
        ServicesChanged();
        _cacheTable.Expired(_cache.Expire(Now));
        _cacheTable.Set(_cache.Count);
        if (removed > 0) _log.Info("Service cleanup: removed {Count} expired service(s)", removed);
        else _log.Debug("Service cleanup: no expired services");
    }

    private void ServicesChanged()
    {
        _serviceTable.Set(_services.Count);
        _byteTable.Set(_services.Bytes);
    }

    // ---- lookups

    private void OnFindValue(FindValue msg)
    {
        var key = DhtKey.FromBytes(msg.Message.Key.Span);
        var all = _services.Values(key, Now).ToList();
        List<RawValue> values = [];
        var bytes = 0;
        // Ordinary ones first: one that fills the reply would hide all others.
        foreach (var value in all.Where(IsOrdinary).Concat(all.Where(value => !IsOrdinary(value))))
        {
            if (values.Count > 0 && bytes + value.Bytes.Length > MaxReplyBytes) continue; // a smaller one may still fit
            bytes += value.Bytes.Length;
            values.Add(value);
        }

        static bool IsOrdinary(RawValue value) => value.Bytes.Length <= MaxReplyBytes / 16;
        var reply = values.Count > 0
            ? FindValueReplyMessage.Found(values)
            : FindValueReplyMessage.Missed(Closest(key, []));
        msg.Stream.TrySend(reply.ToFrame(), FrameDelivery.Answer);
    }

    private void OnFindNode(FindNode msg)
    {
        NodeInfo[] self = _peerOptions.Endpoint is { } endpoint ? [PeerTable.Info(new Peer(_self, endpoint), UnixNow)] : [];
        var reply = new FindNodeReplyMessage(Closest(DhtKey.FromBytes(msg.Message.Target.Span), self));
        msg.Stream.TrySend(reply.ToFrame(), FrameDelivery.Answer);
    }

    // Clients that are connected here and peers: whoever is both is told of as connected here.
    private List<NodeInfo> Closest(DhtKey target, NodeInfo[] self) =>
    [
        .. _nodes.Closest(target, ClosestNodes).Select(found => found.Value)
            .Concat(_peers.Infos(target, ClosestNodes))
            .Concat(self)
            .DistinctBy(info => info.NodeId)
            .OrderBy(info => DhtKey.ForNode(info.NodeId).DistanceTo(target))
            .Take(ClosestNodes),
    ];

    private void OnFindProviders(FindProviders msg)
    {
        var (live, turn) = _services.Providers(msg.Key, Now);
        if (live.Length > 0)
        {
            if (_cache.Count > 0) _cache.TryFind(msg.Key, live, Now, out live, out _);
            _metrics.ServiceLookedUp("local");
        }
        else
        {
            _metrics.ServiceLookedUp(_cache.TryFind(msg.Key, live, Now, out live, out turn) ? "cached" : "missed");
        }

        Sender.Tell(new Providers(msg.Id, live, turn, live.Length > 0 ? [] : _peers.Closest(msg.Key, ClosestPeers)));
    }

    private void OnLearned(Learned msg)
    {
        if (!_isCaching) return;
        Provider[] providers =
        [
            .. msg.Providers
                .Where(provider => provider.Peer is { } peer && provider.Node != _self && _peers.IsOther(peer))
                .DistinctBy(provider => provider.Node)
                .Take(_options.MaxProvidersPerService),
        ];
        if (_cache.Put(msg.Key, providers, msg.Ttl > TimeSpan.Zero ? msg.Ttl : _options.CacheTtl, Now)) _cacheTable.Evicted();
        _cacheTable.Set(_cache.Count);
    }

    private void OnFindNextHops(FindNextHops msg) =>
        Sender.Tell(new NextHops(msg.Id, _peers.Closer(DhtKey.ForNode(msg.Destination), msg.From, ClosestPeers)));

    private void OnLevel(MemoryLevel level)
    {
        _isCaching = level < MemoryLevel.DropCaches;
        if (_isCaching) return;
        _cacheTable.Evicted(_cache.Clear());
        _cacheTable.Set(0);
    }

    // ---- nodes

    private void OnNodeSeen(NodeSeen msg) => See(msg.Stream, msg.Node, msg.Address, msg.Endpoint, msg.Session);

    private void See(IFrameSink stream, NodeId node, string address, string endpoint, long session)
    {
        var connection = stream.Connection;
        ForgetNode(connection);
        if (_seenOn.TryGetValue(node, out var other))
        {
            _nodeTable.Set(_nodes.Count);
            if (other.Session > session) return; // told late: this one has been superseded already

            // The newer session advertises anew, while the older may take its time to end.
            _services.WithdrawAll(other.Connection);
            ForgetNode(other.Connection);
            ServicesChanged();
        }

        var info = new NodeInfo(
            node, address, UnixNow, endpoint.Length > 0 ? (Utf8Text?)endpoint : null);
        _nodes.Put(node, info); // not when its bucket is full, or it has the id of this node
        _seen[connection] = node;
        _seenOn[node] = (connection, session);
        Context.Watch(connection);
        _nodeTable.Set(_nodes.Count);
    }

    // Both tables change together: after a takeover the older connection is in neither.
    private void ForgetNode(IActorRef connection)
    {
        if (!_seen.Remove(connection, out var node)) return;
        _seenOn.Remove(node);
        _nodes.Remove(node);
    }

    private void OnUseMesh(UseMesh msg)
    {
        _mesh = msg.Mesh;
        OnRefresh(); // what the one before was asked is not answered any more
    }

    private void OnRefresh()
    {
        _asked.Clear();
        if (_mesh is null) return;
        var timeout = ExchangeTimeout < _peerOptions.RefreshInterval ? ExchangeTimeout : _peerOptions.RefreshInterval;
        foreach (var peer in _peers.Next(ClosestPeers))
        {
            _asked.Add(++_lastId, peer);
            _mesh.Tell(new MeshProtocol.Exchange(peer.Node, peer.Address, _question, timeout, _lastId));
        }
    }

    private void OnExchanged(MeshProtocol.Exchanged msg)
    {
        if (!_asked.Remove(msg.Id, out var peer)) return;
        PeersChanged(_peers.Seen(peer, Now, UnixNow));
        if (msg.Type != FrameType.FindNodeReply
            || !FindNodeReplyMessage.TryDecode(new(msg.Payload), out var reply, out _))
        {
            _log.Debug("{Peer} did not answer FIND_NODE with its reply, but with {Type}", peer.Node, msg.Type);
            return;
        }

        foreach (var node in reply.Nodes.Take(ClosestNodes))
            if (PeerAddress.TryParse(node.Endpoint?.ToString(), out var address))
                PeersChanged(_peers.Named(new Peer(node.NodeId, address), Now, node.LastSeen));
    }

    // Only what lies with the peer itself speaks against it.
    private void OnExchangeFailed(MeshProtocol.ExchangeFailed msg)
    {
        if (!_asked.Remove(msg.Id, out var peer)) return;
        _log.Debug("{Peer} at {Address} could not be asked: {Fault}", peer.Node, peer.Address, msg.Message);
        if (msg.Reason is MeshRefusal.ConnectFailed or MeshRefusal.StreamFailed or MeshRefusal.Timeout)
            OnPeerFailed(peer);
    }

    private void PeersChanged(bool gaveWay = false)
    {
        if (gaveWay) _peerTable.Evicted();
        _peerTable.Set(_peers.Count);
    }

    private void OnPeerFailed(Peer peer)
    {
        if (!_peers.Failed(peer)) return;
        PeersChanged();
        _cache.Forget(peer.Node);
        _cacheTable.Set(_cache.Count);
    }

    private enum Tick
    {
        Sweep,
        Refresh,
    }
}
