using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Models;

/// <summary>Who provides what: one list of leases, the longest advertised first; who is connected as whom; and what was
/// learned, the one that was not asked for the longest first. Nothing is indexed.</summary>
internal sealed class RegistryModel : IModel
{
    private const int Keys = 4;
    private const int Nodes = 5;
    private const int Peers = 3;
    private const int Connections = 5;
    private const int StreamsEach = 2;
    private const int Forms = 5;

    // The finest that the actor's wheels know: on whole ticks all ends are exact.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private static readonly NodeId Self = NodeId.Parse("gateway");
    private static readonly PeerAddress Here = new("here", 9443);
    private static readonly int[] Ttls = [1, 5, 20, 1000, 0];
    private static readonly TimeSpan[] LearnedTtls = [default, TimeSpan.FromSeconds(3), TimeSpan.FromHours(1)];
    private static readonly DhtKey[] Key =
        [.. Enumerable.Range(0, Keys).Select(key => DhtKey.ForName($"service-{key}"))];
    private static readonly NodeId[] Node =
        [.. Enumerable.Range(0, Nodes).Select(node => NodeId.Parse($"node-{node}"))];
    private static readonly Peer[] Hub =
    [
        .. Enumerable.Range(0, Peers).Select(hub =>
            new Peer(NodeId.Parse($"hub-{hub}"), new PeerAddress($"hub-{hub}", 9443))),
    ];

    private static readonly RegistryOptions Options = TestOptions.Defaults.Registry with
    {
        ServiceTtl = Tick * 256,
        CleanupInterval = TimeSpan.FromSeconds(10),
        CacheTtl = TimeSpan.FromSeconds(12),
        MaxServices = 6,
        MaxServicesPerClient = 3,
        MaxProvidersPerService = 3,
        MaxCachedServices = 2,
        MaxValueSize = 150,
        MaxStoredBytes = 300,
        MaxStoredBytesPerClient = 160,
        MassExpiryShare = 50,
        MassExpiryMinimum = 2,
    };

    private static readonly KnownPeersOptions PeerOptions = TestOptions.Defaults.KnownPeers with
    {
        Peers = [Hub[0]],
        RefreshInterval = TimeSpan.FromSeconds(30),
        Endpoint = Here,
    };

    private static readonly (ServiceRecord Record, RawValue Value)[,,] Records = AllRecords();

    /// <summary>Store, look up, connect, a stream ends, a connection ends, crash, wait, memory, learn, ask for nodes, a
    /// peer answers, a peer fails, next hops, store late.</summary>
    public static readonly int[] Kinds = [16, 10, 4, 2, 1, 1, 6, 1, 5, 1, 2, 1, 1, 1];

    private readonly ModelWorld _world;
    private readonly RegistryOptions _options;
    private readonly IBoundedTable _services;
    private readonly IBoundedTable _bytes;
    private readonly IBoundedTable _cache;
    private readonly IBoundedTable _nodeTable;
    private readonly IBoundedTable _peerTable;
    private readonly Told _asker;
    private readonly Told _mesh;
    private readonly Client[] _clients;
    private readonly List<Lease> _leases = [];
    private readonly Dictionary<int, long> _turns = []; // by key, of those with leases
    private readonly List<Learning> _learned = [];
    private readonly Dictionary<NodeId, Client> _seen = [];
    private readonly HashSet<Peer> _peers = [Hub[0]];
    private readonly Dictionary<ulong, Peer> _asked = [];
    private readonly SortedDictionary<string, long> _refused = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _refusedForBytes = new(StringComparer.Ordinal);
    private MemoryLevel _level;
    private Action _meanwhile = () => { };
    private TimeSpan _now;
    private TimeSpan _sweepAt;
    private TimeSpan _refreshAt;
    private long _expired;
    private long _displaced;
    private long _evicted;
    private long _forgotten;
    private HashSet<Peer> _toAsk = [];

    public RegistryModel(TestKit kit, bool guard)
    {
        _options = Options with { MassExpiryGuard = guard };
        kit.Advance(Tick - TimeSpan.FromTicks(kit.Sys.Scheduler.Elapsed().Ticks % Tick.Ticks));
        _now = kit.Sys.Scheduler.Elapsed();
        _world = new ModelWorld(
            kit, (census, metrics) => RegistryActor.Props(_options, PeerOptions, Self, census, metrics), Announce);
        _services = _world.Census.Table("registry.services");
        _bytes = _world.Census.Table("registry.bytes");
        _cache = _world.Census.Table("registry.cache");
        _nodeTable = _world.Census.Table("registry.nodes");
        _peerTable = _world.Census.Table("registry.peers");
        _asker = _world.Someone();
        _mesh = _world.Someone();
        _clients = [.. Enumerable.Range(0, Connections).Select(_ => new Client(_world.Someone()))];
        (_sweepAt, _refreshAt) = (_now + _options.CleanupInterval, _now + PeerOptions.RefreshInterval);
        _world.Concern.Tell(new UseMesh(_mesh.Actor));
        Refresh();
        HearQuestions();
    }

    public void Take(Step step)
    {
        var client = _clients[step.A % Connections];
        switch (step.Kind)
        {
            case 0: Store(client, step.A % 2, step.B % Keys, [.. Chosen(step.B, step.C)]); break;
            case 1: LookUp(step.A % Keys, step.B % 3); break;
            case 2: Connect(client, Node[step.B % Nodes]); break;
            case 3: EndStream(client, step.B % StreamsEach); break;
            case 4: EndConnection(step.A % Connections); break;
            case 5: Crash(client, step.B % StreamsEach); break;
            case 6: Wait(step.B % 4 == 0 ? step.A % 600 : step.A % 60); break;
            case 7: Change((MemoryLevel)Math.Max(0, (step.A % 8) - 3)); break;
            case 8: Learn(step.A % Keys, step.B, step.C); break;
            case 9: FindNode(Node[step.A % Nodes]); break;
            case 10: Answer(Hub[step.A % Peers], step.B, step.C); break;
            case 11: Fail(Hub[step.A % Peers]); break;
            case 12: FindNextHops(Node[step.A % Nodes], Hub[step.B % Peers]); break;
            default: StoreLate(step.A % Keys, Chosen(step.B, step.C).First()); break;
        }

        Compare();
    }

    public void End()
    {
        for (var connection = 0; connection < Connections; connection++) EndConnection(connection);
        for (var left = _options.ServiceTtl + (3 * _options.CleanupInterval); left > TimeSpan.Zero; left -= 20 * Tick)
        {
            Wait(20);
            Compare();
        }

        foreach (var hub in Hub) Fail(hub);
        Compare();
        Assert.Equal((0, 0, 0), (_services.Size, _bytes.Size, _cache.Size));
        Assert.Equal((0, 0), (_nodeTable.Size, _peerTable.Size));
    }

    public void Dispose()
    {
        foreach (var client in _clients) client.Told.Die();
        _asker.Die();
        _mesh.Die();
        _world.Dispose();
    }

    private void Compare()
    {
        Assert.Equal(_leases.Count, _services.Size);
        Assert.Equal(Bytes, _bytes.Size);
        Assert.Equal(_learned.Count, _cache.Size);
        Assert.Equal(_seen.Count, _nodeTable.Size);
        Assert.Equal(_peers.Count, _peerTable.Size);
        ModelCheck.Same(_refused, _services.Rejections);
        ModelCheck.Same(_refusedForBytes, _bytes.Rejections);
        Assert.Equal((_expired, _displaced), (_services.Expiries, _services.Evictions));
        Assert.Equal((_forgotten, _evicted), (_cache.Expiries, _cache.Evictions));
        _world.CompareBounds();
        Assert.Equal(0, _world.Credit.Frames);
        foreach (var client in _clients)
        {
            client.Hear();
            Assert.True(client.IsSuperseded || client.Standing.TrueForAll(each => Has(client, each)));
        }

        HearQuestions();
        Assert.Empty(_asker.Messages);
    }

    // ---- leases

    private void Store(Client client, int stream, int key, (ServiceRecord Record, RawValue Value)[] records)
    {
        StoredRecord[] stored = [.. records.Select(each => new StoredRecord(each.Record, each.Value, _now))];
        var isHeard = client.Node.IsEmpty || _seen.GetValueOrDefault(client.Node) == client; // not when superseded
        foreach (var record in stored)
        {
            if (record.Record.Ttl == 0) client.Standing.RemoveAll(each => each.Is(key, record.Record.NodeId));
            else client.Stands(client.Streams[stream], key, record);
            if (isHeard) Put(client, client.Streams[stream], key, record);
        }

        _world.Concern.Tell(new Store(client.Streams[stream], client.Node, Key[key], stored, _world.Lease()));
    }

    private void Put(Client client, ModelSink stream, int key, StoredRecord stored)
    {
        var node = stored.Record.NodeId;
        var lease = _leases.Find(each => each.Is(key, node));
        if (stored.Record.Ttl == 0)
        {
            if (lease is null || !IsFree(lease, client)) return;
            Lose(lease, client);
            Remove(lease);
            return;
        }

        // In a full service a node's own record takes the place of the last one that a client stored for another node.
        var displaced = lease is null && node == client.Node && IsFull(key)
            ? _leases.FindLast(each => each.Key == key && each.IsForAnother)
            : null;
        if (Refusal(lease, displaced, client, key, stored) is { } refusal)
        {
            refusal.Of[refusal.Reason] = refusal.Of.GetValueOrDefault(refusal.Reason) + 1;
            client.Hears.Add(stored);
            return;
        }

        if (lease is null) _leases.Add(lease = new Lease(key, node));
        else Lose(lease, client);
        lease.Stored = stored;
        lease.Owner = client;
        lease.Stream = client.Node.IsEmpty ? null : stream;
        lease.IsForAnother = !client.Node.IsEmpty && node != client.Node;
        lease.Provider = Called(stored.Record, client.Node, stream);
        var ttl = TimeSpan.FromSeconds(stored.Record.Ttl);
        lease.Due = stored.At + (ttl < _options.ServiceTtl ? ttl : _options.ServiceTtl);
        lease.IsKept = false;
        if (displaced is null) return;
        displaced.Owner!.Hears.Add(displaced.Stored);
        Remove(displaced);
        _displaced++;
    }

    private bool IsFull(int key) => _leases.Count(each => each.Key == key) == _options.MaxProvidersPerService;

    private (SortedDictionary<string, long> Of, string Reason)? Refusal(
        Lease? lease, Lease? displaced, Client client, int key, StoredRecord stored)
    {
        var size = stored.Value.Bytes.Length;
        if (size > _options.MaxValueSize) return (_refused, "too_large");
        if (lease is not null && !IsFree(lease, client)) return (_refused, "not_owner");
        lease ??= displaced;
        if (lease is null && _leases.Count == _options.MaxServices) return (_refused, "full");
        if (lease is null && IsFull(key)) return (_refused, "per_service");
        var own = _leases.FindAll(each => each.Owner == client);
        if (lease?.Owner != client && own.Count == _options.MaxServicesPerClient) return (_refused, "per_client");
        var more = size - (lease?.Owner == client ? lease.Size : 0);
        if (more > 0 && own.Sum(each => each.Size) + more > _options.MaxStoredBytesPerClient)
            return (_refusedForBytes, "per_client");
        more = size - (lease?.Size ?? 0);
        return more > 0 && Bytes + more > _options.MaxStoredBytes ? (_refusedForBytes, "full") : null;
    }

    // A client's record is its own, a peer's anyone's.
    private static bool IsFree(Lease lease, Client client) =>
        lease.Node == client.Node || lease.Stream is null || lease.Owner == client;

    private static void Lose(Lease lease, Client to)
    {
        if (lease.Owner != to) lease.Owner?.Hears.Add(lease.Stored);
    }

    // A connection announces again what it has, and nothing else.
    private bool Has(Client client, Request standing) =>
        _leases.Exists(lease => lease.Owner == client && ReferenceEquals(lease.Stored, standing.Record));

    private static Provider? Called(ServiceRecord record, NodeId sender, ModelSink stream)
    {
        if (record.Metadata.IsEmpty) return null;
        var isElsewhere = PeerAddress.TryParse(record.Endpoint.ToString(), out var address) && address != Here;
        if (isElsewhere && record.NodeId != sender)
            return new Provider(record.NodeId, null, new Peer(record.NodeId, address!));
        return sender.IsEmpty ? null : new Provider(record.NodeId, stream);
    }

    private void Remove(Lease lease)
    {
        _leases.Remove(lease);
        if (!_leases.Exists(each => each.Key == lease.Key)) _turns.Remove(lease.Key);
    }

    // What a mesh peer stored outlives it.
    private void Withdraw(Predicate<Lease> which)
    {
        foreach (var lease in _leases.FindAll(which))
        {
            if (lease.Stream is null) lease.Owner = null;
            else Remove(lease);
        }
    }

    // Most of all at once: kept, once, for another interval.
    private void Judge()
    {
        var over = _leases.FindAll(lease => !lease.IsKept && lease.Due <= _now);
        var all = _leases.Count(lease => !lease.IsKept);
        if (!_options.MassExpiryGuard || over.Count < _options.MassExpiryMinimum
            || over.Count * 100 <= all * _options.MassExpiryShare)
            return;
        foreach (var lease in over) (lease.IsKept, lease.Due) = (true, _now + _options.CleanupInterval);
    }

    private void Sweep()
    {
        Judge();
        foreach (var lease in _leases.FindAll(lease => lease.Due <= _now))
        {
            lease.Owner?.Hears.Add(lease.Stored);
            Remove(lease);
            _expired++;
        }

        _forgotten += _learned.RemoveAll(each => each.Due <= _now);
    }

    // ---- lookups

    // With the guard both kinds, as the first one judges and the second need not.
    private void LookUp(int key, int kinds)
    {
        if (kinds != 0 || _options.MassExpiryGuard) FindValue(key);
        if (kinds != 1) FindProviders(key);
    }

    private void FindValue(int key)
    {
        if (_leases.Exists(lease => lease.Key == key && lease.Due <= _now)) Judge();
        RawValue[] values =
            [.. _leases.Where(lease => lease.Key == key && lease.Due > _now).Select(lease => lease.Stored.Value)];

        var stream = new ModelSink(_asker);
        _world.Concern.Tell(new FindValue(stream, new FindValueMessage(Key[key].ToArray()), _world.Lease()));
        var frame = Assert.Single(stream.Frames);
        if (values.Length > 0)
            Assert.True(frame.Span.SequenceEqual(FindValueReplyMessage.Found(values).ToFrame()));
        else
            ModelCheck.Same(
                Closest(Key[key], []), WireFrame.Parse(frame).FoundValue().Nodes!.Select(node => node.NodeId));
    }

    private void FindProviders(int key)
    {
        var turn = _leases.Exists(lease => lease.Key == key) ? _turns[key] = _turns.GetValueOrDefault(key) + 1 : 0;
        List<Provider> live =
        [
            .. _leases.Where(lease => lease.Key == key && lease.Due > _now && lease.Provider is not null)
                .Select(lease => lease.Provider!).OrderBy(provider => provider.Stream is null),
        ];
        var outcome = live.Count > 0 ? "local" : "missed";
        if (live.Count == 0) turn = 1;
        if (_learned.Find(each => each.Key == key && each.Due > _now) is { } learned)
        {
            learned.Turn++;
            if (live.Count == 0) (turn, outcome) = (learned.Turn, "cached");
            var nodes = live.Select(provider => provider.Node).ToHashSet();
            live.AddRange(learned.Providers.Where(provider => !nodes.Contains(provider.Node)));
            _learned.Remove(learned);
            _learned.Add(learned);
        }

        var before = _world.Meters.Total("macula.registry.lookups", outcome);
        _world.Concern.Tell(new FindProviders(Key[key], 7, _world.Lease()), _asker.Actor);
        var answer = Assert.IsType<Providers>(_asker.Take());
        ModelCheck.Same(live, answer.Live);
        Assert.Equal((7UL, turn - 1), (answer.Id, answer.Turn));
        ModelCheck.Same(live.Count > 0 ? [] : Near(Key[key]), answer.Ask);
        Assert.Equal(before + 1, _world.Meters.Total("macula.registry.lookups", outcome));
    }

    private void Learn(int key, int which, int what)
    {
        Provider[] told = [.. Enumerable.Range(0, what % 5).Select(at => Told((what / 5) + (at * which)))];
        var ttl = LearnedTtls[which % LearnedTtls.Length];
        _world.Concern.Tell(new Learned(Key[key], told, ttl));
        if (_level >= MemoryLevel.DropCaches) return;
        _learned.RemoveAll(each => each.Key == key);
        List<Provider> taken = [];
        foreach (var provider in told)
            if (provider.Peer is not null && provider.Node != Self && !taken.Exists(each => each.Node == provider.Node)
                && taken.Count < _options.MaxProvidersPerService)
                taken.Add(provider);
        if (taken.Count == 0) return;
        if (_learned.Count == _options.MaxCachedServices)
        {
            _learned.RemoveAt(0);
            _evicted++;
        }

        var due = _now + (ttl > TimeSpan.Zero && ttl < _options.CacheTtl ? ttl : _options.CacheTtl);
        _learned.Add(new Learning(key, taken, due));

        Provider Told(int number) => (number % 9) switch
        {
            7 => new Provider(Self, null, Hub[0]),
            8 => new Provider(Node[0], _clients[0].Streams[0]),
            var node => new Provider(Node[node % Nodes], null, Hub[number % Peers]),
        };
    }

    private void Change(MemoryLevel level)
    {
        _level = level;
        _world.Concern.Tell(new MemoryProtocol.LevelChanged(level));
        if (level < MemoryLevel.DropCaches) return;
        _evicted += _learned.Count;
        _learned.Clear();
    }

    // ---- nodes

    private void Connect(Client client, NodeId node)
    {
        if (client.IsSuperseded) return;
        client.Node = node;
        See(client);
        _world.Concern.Tell(new NodeSeen(client.Streams[0], node, "10.0.0.1:77", "", _world.Lease()));
    }

    private void See(Client client)
    {
        Forget(client);
        if (_seen.TryGetValue(client.Node, out var other))
        {
            other.IsSuperseded = true;
            Withdraw(lease => lease.Owner == other);
        }

        _seen[client.Node] = client;
    }

    private void Forget(Client client)
    {
        foreach (var (node, by) in _seen)
            if (by == client) _seen.Remove(node);
    }

    // A peer's streams come and go, and nobody is told.
    private void EndStream(Client client, int stream)
    {
        var ended = client.Streams[stream];
        client.Streams[stream] = new ModelSink(client.Told);
        if (client.Node.IsEmpty) return;
        client.Standing.RemoveAll(each => each.Stream == ended);
        Withdraw(lease => lease.Stream == ended);
        _world.Concern.Tell(new StreamEnded(ended));
    }

    private void EndConnection(int connection)
    {
        var client = _clients[connection];
        client.Told.Die();
        Withdraw(lease => lease.Owner == client);
        Forget(client);
        _clients[connection] = new Client(_world.Someone());
    }

    // Connections announce what stands; those that are superseded are closing, and do not. What is told meanwhile
    // waits.
    private void Crash(Client client, int stream)
    {
        _leases.Clear();
        _turns.Clear();
        _seen.Clear();
        _learned.Clear();
        _peers.Clear();
        _peers.Add(Hub[0]);
        (_sweepAt, _refreshAt) = (_now + _options.CleanupInterval, _now + PeerOptions.RefreshInterval);
        _meanwhile = () => _world.Concern.Tell(new FindNextHops(Node[0], default, 9), _asker.Actor);
        if (!client.Node.IsEmpty) _meanwhile += () => EndStream(client, stream);
        _world.Concern.Tell(Poison.For("registry"));
        Assert.Equal(9UL, Assert.IsType<NextHops>(_asker.Take()).Id);
        Wait(1); // what was over already lapses at the next tick
    }

    private void Announce(IActorRef registry)
    {
        foreach (var client in _clients)
        {
            if (client.IsSuperseded || (client.Node.IsEmpty && client.Standing.Count == 0)) continue;
            registry.Tell(new Resume(
                client.Streams[0], client.Node, "10.0.0.1:77", "",
                [.. client.Standing.Select(each => ((IFrameSink)each.Stream, Key[each.Key], each.Record))]));
            if (!client.Node.IsEmpty) See(client);
            foreach (var each in client.Standing) Put(client, each.Stream, each.Key, each.Record);
        }

        registry.Tell(new UseMesh(_mesh.Actor));
        registry.Tell(new MemoryProtocol.LevelChanged(_level));
        Refresh();
        _meanwhile();
    }

    private void StoreLate(int key, (ServiceRecord Record, RawValue Value) record)
    {
        var late = new Client(_world.Someone());
        late.Told.Die();
        var stored = new StoredRecord(record.Record, record.Value, _now);
        Put(late, late.Streams[0], key, stored);
        Withdraw(lease => lease.Owner == late);
        _world.Concern.Tell(new Store(late.Streams[0], default, Key[key], [stored], _world.Lease()));
    }

    private void Wait(int ticks)
    {
        _now += ticks * Tick;
        _world.Advance(ticks * Tick);
        if (_sweepAt <= _now)
        {
            Sweep();
            _sweepAt = _now + _options.CleanupInterval;
        }

        if (_refreshAt <= _now)
        {
            Refresh();
            _refreshAt = _now + PeerOptions.RefreshInterval;
        }
    }

    private void FindNode(NodeId target)
    {
        var stream = new ModelSink(_asker);
        _world.Concern.Tell(new FindNode(stream, new FindNodeMessage(target.Bytes), _world.Lease()));
        ModelCheck.Same(
            Closest(DhtKey.ForNode(target), [Self]),
            WireFrame.Parse(Assert.Single(stream.Frames)).FoundNodes().Nodes.Select(node => node.NodeId));
    }

    // There are no more of them than are asked at once.
    private void Refresh() => _toAsk = [.. _peers, Hub[0]];

    // An answer to an earlier round comes too late.
    private void HearQuestions()
    {
        if (_toAsk.Count > 0) _asked.Clear();
        foreach (var asked in _mesh.Messages.Cast<MeshProtocol.Exchange>())
            _asked.Add(asked.Id, new Peer(asked.Peer, asked.Address));
        Assert.Equal(_toAsk.Count, _mesh.Messages.Count);
        Assert.Subset(_asked.Values.ToHashSet(), _toAsk);
        _mesh.Messages.Clear();
        _toAsk = [];
    }

    private void Answer(Peer peer, int how, int named)
    {
        var id = _asked.FirstOrDefault(each => each.Value == peer).Key; // 0: it was not asked
        _asked.Remove(id);
        if (how % 4 == 0)
        {
            var reason = (MeshRefusal)(named % Enum.GetValues<MeshRefusal>().Length);
            _world.Concern.Tell(new MeshProtocol.ExchangeFailed(id, peer.Node, reason, ""));
            if (id > 0 && reason is MeshRefusal.ConnectFailed or MeshRefusal.StreamFailed or MeshRefusal.Timeout)
                Lose(peer);
            return;
        }

        var other = Hub[named % Peers];
        var reply = new FindNodeReplyMessage([PeerTable.Info(other, 1), PeerTable.Info(new Peer(Node[0], Here), 1)]);
        _world.Concern.Tell(new MeshProtocol.Exchanged(
            id, peer.Node, FrameType.FindNodeReply, reply.ToFrame().AsMemory(Frame.HeaderLength)));
        if (id == 0) return;
        _peers.Add(peer);
        _peers.Add(other);
    }

    private void Fail(Peer peer)
    {
        _world.Concern.Tell(new PeerFailed(peer));
        Lose(peer);
    }

    private void Lose(Peer peer)
    {
        _peers.Remove(peer);
        foreach (var each in _learned) each.Providers.RemoveAll(provider => provider.Peer == peer);
        _learned.RemoveAll(each => each.Providers.Count == 0);
    }

    private void FindNextHops(NodeId destination, Peer from)
    {
        _world.Concern.Tell(new FindNextHops(destination, from.Node, 8), _asker.Actor);
        var place = DhtKey.ForNode(destination);
        ModelCheck.Same(
            Near(place).Where(peer => peer != from && Distance(peer.Node, place) < Distance(Self, place)),
            Assert.IsType<NextHops>(_asker.Take()).Peers);
    }

    // ---- words

    private long Bytes => _leases.Sum(lease => (long)lease.Size);

    private IEnumerable<Peer> Near(DhtKey place) => _peers.OrderBy(peer => Distance(peer.Node, place));

    private IEnumerable<NodeId> Closest(DhtKey place, NodeId[] more) =>
        _seen.Keys.Concat(_peers.Select(peer => peer.Node))
        .Concat(more).OrderBy(node => Distance(node, place));

    private static DhtDistance Distance(NodeId node, DhtKey place) => DhtKey.ForNode(node).DistanceTo(place);

    private static IEnumerable<(ServiceRecord, RawValue)> Chosen(int one, int other)
    {
        yield return Records[other % Nodes, one % Ttls.Length, other / Nodes % Forms];
        if (one % 4 == 0) yield return Records[(other + 1) % Nodes, 1, other % Forms];
    }

    private static (ServiceRecord, RawValue)[,,] AllRecords()
    {
        var all = new (ServiceRecord, RawValue)[Nodes, Ttls.Length, Forms];
        for (var node = 0; node < Nodes; node++)
        {
            for (var ttl = 0; ttl < Ttls.Length; ttl++)
            {
                for (var form = 0; form < Forms; form++)
                {
                    var value = form == 0 ? Wire.Plain($"node-{node}") : Record(node, Ttls[ttl], form);
                    Assert.True(ServiceRecord.TryDecode(value, out var record, out _));
                    all[node, ttl, form] = (record, value);
                }
            }
        }

        return all;
    }

    // Called there; nowhere said; this node itself; too large.
    private static RawValue Record(int node, int ttl, int form)
    {
        var endpoint = form switch { 2 => "", 3 => $"https://{Here}", _ => $"https://node-{node}:9443" };
        byte[] metadata = form == 4 ? [0x81, 0xc4, 1, 1, 0xc4, 120, .. new byte[120]] : [0x80];
        return new ServiceRecord(Node[node], endpoint, new RawValue(metadata), ttl).Encode();
    }

    private sealed class Lease(int key, NodeId node)
    {
        public int Key { get; } = key;

        public NodeId Node { get; } = node;

        public StoredRecord Stored { get; set; } = null!;

        public int Size => Stored.Value.Bytes.Length;

        /// <summary>Null when a mesh peer stored it that is gone.</summary>
        public Client? Owner { get; set; }

        /// <summary>Null when a mesh peer stored it.</summary>
        public ModelSink? Stream { get; set; }

        /// <summary>A client stored it, for a node that it is not.</summary>
        public bool IsForAnother { get; set; }

        public Provider? Provider { get; set; }

        public TimeSpan Due { get; set; }

        public bool IsKept { get; set; }

        public bool Is(int key, NodeId node) => Key == key && Node == node;
    }

    private sealed class Learning(int key, List<Provider> providers, TimeSpan due)
    {
        public int Key { get; } = key;

        public List<Provider> Providers { get; } = providers;

        public TimeSpan Due { get; } = due;

        public long Turn { get; set; }
    }

    private sealed record Request(ModelSink Stream, int Key, StoredRecord Record)
    {
        public bool Is(int key, NodeId node) => Key == key && Record.Record.NodeId == node;
    }

    /// <summary>A connection: a mesh peer's until it says which node it is.</summary>
    private sealed class Client(Told told)
    {
        public Told Told { get; } = told;

        public ModelSink[] Streams { get; } = [.. Enumerable.Range(0, StreamsEach).Select(_ => new ModelSink(told))];

        public NodeId Node { get; set; }

        public bool IsSuperseded { get; set; }

        /// <summary>What it has asked for, and was not told that it has not.</summary>
        public List<Request> Standing { get; } = [];

        /// <summary>What it is to be told now.</summary>
        public List<StoredRecord> Hears { get; } = [];

        public void Stands(ModelSink stream, int key, StoredRecord record)
        {
            Standing.RemoveAll(each => each.Is(key, record.Record.NodeId));
            Standing.Add(new Request(stream, key, record));
        }

        public void Hear()
        {
            List<StoredRecord> heard = [];
            foreach (var message in Told.Messages)
                heard.AddRange(((NotStored)message).Records.Select(each => each.Record));
            Told.Messages.Clear();
            Assert.Equal(Hears.Count, heard.Count);
            Assert.True(Hears.ToHashSet(ReferenceEqualityComparer.Instance).SetEquals(heard));
            Standing.RemoveAll(each => Hears.Exists(record => ReferenceEquals(record, each.Record)));
            Hears.Clear();
        }
    }
}
