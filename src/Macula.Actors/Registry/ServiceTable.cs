using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Registry;

/// <summary>Why a record was not taken.</summary>
internal enum StoreRefusal
{
    None,
    MaxServices,
    MaxServicesPerClient,
    MaxProvidersPerService,

    /// <summary>Another live client owns the record of this node.</summary>
    NotOwner,
}

/// <summary>Records by key and node, each with a lease; by owner; and what can be called. Each operation is O(1), expiry
/// costs what expires, and all indexes change together. Not thread-safe.</summary>
internal sealed class ServiceTable(RegistryOptions options, TimeSpan now)
{
    private const int Slots = 512;

    private static readonly TimeSpan FinestResolution = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<DhtKey, Service> _services = [];
    private readonly Dictionary<IActorRef, HashSet<Record>> _owners = [];

    // One turn of the wheel is longer than any lease, so that a sweep meets what is due and hardly anything else.
    private readonly DeadlineWheel<Record> _leases =
        new(TimeSpan.FromTicks(Math.Max(FinestResolution.Ticks, options.ServiceTtl.Ticks / (Slots / 2))), now, Slots);

    /// <summary>Records, all keys together.</summary>
    public int Count => _leases.Count;

    /// <summary>Connections that own records.</summary>
    public int Owners => _owners.Count;

    /// <summary>Puts or renews a record; a new value replaces the old one of the same node.</summary>
    /// <param name="owner">Whose end takes the record, or null.</param>
    /// <param name="isOwn">True when the owner is that very node: its records are its own, whoever put them first.</param>
    public StoreRefusal Put(
        DhtKey key, StoredRecord stored, IFrameSink stream, IActorRef? owner, bool isOwn, bool callable, TimeSpan due)
    {
        var node = stored.Record.NodeId;
        var service = _services.GetValueOrDefault(key);
        var record = service?.Records.GetValueOrDefault(node);
        if (record is null)
        {
            if (Refusal(service, owner) is var refusal and not StoreRefusal.None) return refusal;
            if (service is null) _services[key] = service = new Service(key);
            record = new Record(service, node, stored, stream);
            service.Records.Add(node, record);
            service.Order.AddLast(record.Place);
        }
        else if (record.Owner is not null && !record.Owner.Equals(owner) && !isOwn)
        {
            return StoreRefusal.NotOwner;
        }

        // Also on renewal: the value and the stream are those of the last STORE, the place is kept.
        (record.Stored, record.Stream, record.IsCallable) = (stored, stream, callable);
        if (record.Lease is not null) _leases.Lift(record.Lease);
        (record.Lease, record.Due) = (_leases.Set(record, due), due);
        record.Service.Live = null;
        Own(record, owner);
        return StoreRefusal.None;
    }

    public bool Withdraw(DhtKey key, NodeId node, IActorRef? owner, bool isOwn)
    {
        if (_services.GetValueOrDefault(key)?.Records.GetValueOrDefault(node) is not { } record) return false;
        if (record.Owner is not null && !record.Owner.Equals(owner) && !isOwn) return false;
        Remove(record);
        return true;
    }

    /// <summary>Withdraws all that an owner has, or only what it advertised on one stream.</summary>
    public void WithdrawAll(IActorRef owner, IFrameSink? stream = null)
    {
        if (!_owners.TryGetValue(owner, out var owned)) return;
        foreach (var record in owned.ToArray())
            if (stream is null || record.Stream == stream) Remove(record);
    }

    public bool Owns(IActorRef owner) => _owners.ContainsKey(owner);

    /// <summary>The values under a key whose lease is not over, the longest advertised first.</summary>
    public IEnumerable<RawValue> Values(DhtKey key, TimeSpan now) =>
        _services.GetValueOrDefault(key)?.Order.Where(record => record.Due > now).Select(record => record.Stored.Value)
        ?? [];

    /// <summary>Who can be called under a key, and how often that was asked before.</summary>
    public (IReadOnlyList<Provider> Live, long Turn) Providers(DhtKey key, TimeSpan now)
    {
        if (!_services.TryGetValue(key, out var service)) return ([], 0);
        if (service.Live is null || service.LiveUntil <= now)
        {
            var live = service.Order.Where(record => record.IsCallable && record.Due > now).ToArray();
            service.Live = [.. live.Select(record => new Provider(record.Node, record.Stream))];
            service.LiveUntil = live.Length == 0 ? TimeSpan.MaxValue : live.Min(record => record.Due);
        }

        return (service.Live, service.Turn++);
    }

    /// <param name="expired">Told of each record whose lease was over.</param>
    /// <returns>How many were.</returns>
    public int Expire(TimeSpan now, Action<IFrameSink, DhtKey, StoredRecord> expired) => _leases.Expire(now, record =>
    {
        Remove(record);
        expired(record.Stream, record.Service.Key, record.Stored);
    });

    private StoreRefusal Refusal(Service? service, IActorRef? owner)
    {
        if (Count >= options.MaxServices) return StoreRefusal.MaxServices;
        if (service is not null && service.Records.Count >= options.MaxProvidersPerService)
            return StoreRefusal.MaxProvidersPerService;
        return owner is not null && _owners.TryGetValue(owner, out var owned)
            && owned.Count >= options.MaxServicesPerClient
            ? StoreRefusal.MaxServicesPerClient
            : StoreRefusal.None;
    }

    private void Own(Record record, IActorRef? owner)
    {
        if (owner is null || owner.Equals(record.Owner)) return;
        Disown(record);
        record.Owner = owner;
        if (!_owners.TryGetValue(owner, out var owned)) _owners[owner] = owned = [];
        owned.Add(record);
    }

    // The only way out of the table; an expired lease comes here too, and lifting it again does nothing.
    private void Remove(Record record)
    {
        var service = record.Service;
        if (record.Lease is not null) _leases.Lift(record.Lease);
        service.Records.Remove(record.Node);
        service.Order.Remove(record.Place);
        service.Live = null;
        if (service.Records.Count == 0) _services.Remove(service.Key);
        Disown(record);
    }

    private void Disown(Record record)
    {
        if (record.Owner is null || !_owners.TryGetValue(record.Owner, out var owned)) return;
        owned.Remove(record);
        if (owned.Count == 0) _owners.Remove(record.Owner);
    }

    private sealed class Service(DhtKey key)
    {
        public DhtKey Key { get; } = key;

        public Dictionary<NodeId, Record> Records { get; } = [];

        public LinkedList<Record> Order { get; } = [];

        /// <summary>Answer to the last question, until something changes or a lease in it ends.</summary>
        public Provider[]? Live { get; set; }

        public TimeSpan LiveUntil { get; set; }

        public long Turn { get; set; }
    }

    private sealed class Record
    {
        public Record(Service service, NodeId node, StoredRecord stored, IFrameSink stream)
        {
            (Service, Node, Stored, Stream) = (service, node, stored, stream);
            Place = new LinkedListNode<Record>(this);
        }

        public Service Service { get; }

        public NodeId Node { get; }

        public StoredRecord Stored { get; set; }

        public IFrameSink Stream { get; set; }

        public IActorRef? Owner { get; set; }

        public bool IsCallable { get; set; }

        public LinkedListNode<Record> Place { get; }

        public DeadlineWheel<Record>.Deadline? Lease { get; set; }

        public TimeSpan Due { get; set; }
    }
}
