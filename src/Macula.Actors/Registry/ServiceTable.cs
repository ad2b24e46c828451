using System.Runtime.InteropServices;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
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
    MaxStoredBytes,
    MaxStoredBytesPerClient,

    /// <summary>Another live client owns the record of this node.</summary>
    NotOwner,
}

/// <summary>Who stores a record.</summary>
internal enum Claim
{
    /// <summary>The client that the record names. It has it, whoever put it first.</summary>
    Own,

    /// <summary>A client, for another node. The record ends with the client.</summary>
    Client,

    /// <summary>A mesh peer. The record outlives the peer's connection, and anyone may replace it.</summary>
    Peer,
}

/// <summary>Records by key and node, each with a lease; by the stream that they came on; and what can be called.</summary>
/// <remarks>Each operation is O(1), expiry costs what expires, and all indexes change together. A lease that is over waits
/// in <see cref="_overdue"/> for the next sweep; it is not found meanwhile, unless it is kept with a mass of others
/// (<see cref="Judge"/>). <see cref="Detach"/> is the only way out. Not thread-safe.</remarks>
/// <param name="watch">Told of each connection that has records now, as often as it comes to have some.</param>
/// <param name="lost">Told of each record that another connection has taken or withdrawn, or that gave way, with the
/// connection that had it.</param>
internal sealed class ServiceTable(
    RegistryOptions options, TimeSpan now, Action<IActorRef> watch, Action<IActorRef, DhtKey, StoredRecord> lost)
{
    private const int Slots = 512;
    private const int BatchSize = 512;

    // Fewer records than this are found faster by looking at each.
    private const int IndexFrom = 8;

    private static readonly TimeSpan FinestResolution = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<DhtKey, Service> _services = [];
    private readonly Dictionary<IActorRef, Owner> _owners = [];
    private readonly Dictionary<IFrameSink, Source> _streams = [];
    private readonly List<Record> _overdue = [];
    private readonly List<Owner> _told = [];
    private int _unjudged; // of the overdue ones, those that were not kept yet
    private int _kept; // since the last sweep

    // One turn of the wheel is longer than any lease, so that a sweep meets what is due and hardly anything else.
    private readonly DeadlineWheel<Record> _leases =
        new(TimeSpan.FromTicks(Math.Max(FinestResolution.Ticks, options.ServiceTtl.Ticks / (Slots / 2))), now, Slots);

    /// <summary>Records, all keys together.</summary>
    public int Count => _leases.Count + _overdue.Count;

    /// <summary>Bytes of all values.</summary>
    public long Bytes { get; private set; }

    /// <summary>Puts or renews a record; a new value replaces the old one of the same node. In a service that is full a
    /// node's own record takes the place of the one that a client stored last for another node.</summary>
    /// <param name="stream">What it came on, whose end takes it, unless it is a peer's.</param>
    /// <param name="address">Where its node can be called, unless on the stream; or null.</param>
    /// <param name="isCallable">Whether its node can be called at all.</param>
    /// <param name="gaveWay">Whether another record did.</param>
    public StoreRefusal Put(
        DhtKey key, StoredRecord stored, IFrameSink stream, Claim claim, PeerAddress? address, bool isCallable,
        TimeSpan due, out bool gaveWay)
    {
        var source = claim == Claim.Peer ? PeerSource(stream.Connection) : StreamSource(stream);
        var node = stored.Record.NodeId;
        _services.TryGetValue(key, out var service);
        var record = service?.Find(node);
        var isFull = record is null && service is not null && service.Count >= options.MaxProvidersPerService;
        var displaced = isFull && claim == Claim.Own ? service!.LastForAnother() : null;
        gaveWay = displaced is not null;
        if (Refusal(record, displaced, isFull, stored, source.Owner, claim) is var refusal and not StoreRefusal.None)
        {
            gaveWay = false;
            Drop(source);
            return refusal;
        }

        if (record is null)
        {
            if (service is null) _services.Add(key, service = new Service(key));
            record = new Record(service, stored);
            service.Add(record);
        }
        else
        {
            service = record.Service;
            // Also on renewal: the value and the stream are those of the last STORE, the place is kept.
            TellFormer(record, stream.Connection);
            record.Stored = stored;
            Settle(record);
        }

        Move(record, source, stored.Value.Bytes.Length);
        record.Claim = claim;
        // A lease that was over when somebody asked is not among the live ones, and now it is.
        var wasOver = record.DueAt < service.LiveUntil;
        if (record.CallOn(isCallable && address is null ? stream : null, isCallable ? address : null) || wasOver)
            service.Live = null;
        record.DueAt = due;
        service.LiveUpTo(due);
        _leases.Renew(record, due);
        if (displaced is null) return StoreRefusal.None;
        TellFormer(displaced, null);
        Remove(displaced); // last, as the service and the source would go with the only record they have
        return StoreRefusal.None;
    }

    /// <summary>Withdraws a record, if it may be withdrawn by this stream.</summary>
    public bool Withdraw(DhtKey key, NodeId node, IFrameSink stream, Claim claim)
    {
        if (!_services.TryGetValue(key, out var service) || service.Find(node) is not { } record) return false;
        if (!IsFree(record, stream.Connection, claim)) return false;
        TellFormer(record, stream.Connection);
        Remove(record);
        return true;
    }

    /// <summary>Withdraws all that a connection advertised. What it stored as a mesh peer stays.</summary>
    public void WithdrawAll(IActorRef connection)
    {
        if (!_owners.TryGetValue(connection, out var owner)) return;
        foreach (var source in owner.Sources.ToArray()) Withdraw(source);
    }

    /// <summary>Withdraws what was advertised on one stream.</summary>
    public void WithdrawAll(IFrameSink stream)
    {
        if (_streams.TryGetValue(stream, out var source)) Withdraw(source);
    }

    /// <summary>The values under a key whose lease is not over, the longest advertised first.</summary>
    public IEnumerable<RawValue> Values(DhtKey key, TimeSpan now)
    {
        if (!_services.TryGetValue(key, out var service)) yield break;
        if (service.HasOverdue(now)) Judge(now);
        for (var record = service.First; record is not null; record = record.Later)
            if (record.DueAt > now) yield return record.Stored.Value;
    }

    /// <summary>Who can be called under a key, those on streams first; and how often that was asked before.</summary>
    public (Provider[] Live, long Turn) Providers(DhtKey key, TimeSpan now)
    {
        if (!_services.TryGetValue(key, out var service)) return ([], 0);
        if (service.Live is null || service.LiveUntil <= now)
        {
            if (service.HasOverdue(now)) Judge(now);
            service.Look(now);
        }

        return (service.Live!, service.Turn++);
    }

    /// <summary>Takes out what is over.</summary>
    /// <param name="lapsed">Told of the records of one connection that are gone, in batches.</param>
    /// <param name="kept">How many leases are kept beyond their end since the last sweep, because they are a mass.</param>
    /// <returns>How many were taken out.</returns>
    public int Sweep(TimeSpan now, Action<IActorRef, List<(DhtKey, StoredRecord)>> lapsed, out int kept)
    {
        Judge(now);
        (kept, _kept) = (_kept, 0);
        var left = 0;
        foreach (var record in CollectionsMarshal.AsSpan(_overdue))
        {
            if (record.DueAt > now) // kept
            {
                _overdue[left] = record;
                record.Place = left++;
                continue;
            }

            if (!record.IsKept) _unjudged--;
            record.Place = -1;
            if (record.Source?.Owner is { } owner)
            {
                if (owner.Lapsed is null) _told.Add(owner);
                (owner.Lapsed ??= new(Math.Min(owner.Count, BatchSize))).Add((record.Service.Key, record.Stored));
                if (owner.Lapsed.Count == BatchSize) Tell(owner);
            }

            Detach(record);
        }

        var count = _overdue.Count - left;
        _overdue.RemoveRange(left, count);
        foreach (var owner in _told) Tell(owner);
        _told.Clear();
        if (_overdue.Count == 0 && _overdue.Capacity > BatchSize) _overdue.Capacity = 0;
        return count;

        void Tell(Owner owner)
        {
            if (owner.Lapsed is not { Count: > 0 } batch) return;
            owner.Lapsed = null;
            lapsed(owner.Connection, batch);
        }
    }

    /// <summary>Meets the leases that are over. When that are most of all, the cause is probably ours, such as a process
    /// that was stopped: then they are kept, once, for one more cleanup-interval.</summary>
    private void Judge(TimeSpan now)
    {
        _leases.Expire(now, OnOverdue);
        var others = Count - (_overdue.Count - _unjudged);
        if (!options.MassExpiryGuard || _unjudged < options.MassExpiryMinimum
            || _unjudged * 100L <= others * (long)options.MassExpiryShare)
            return;

        foreach (var record in _overdue)
        {
            if (record.IsKept) continue;
            record.IsKept = true;
            record.DueAt = now + options.CleanupInterval;
            record.Service.Live = null;
        }

        _kept += _unjudged;
        _unjudged = 0;
    }

    private void OnOverdue(Record record)
    {
        record.Place = _overdue.Count;
        _overdue.Add(record);
        _unjudged++;
    }

    private StoreRefusal Refusal(
        Record? record, Record? displaced, bool isFull, StoredRecord stored, Owner owner, Claim claim)
    {
        if (record is not null && !IsFree(record, owner.Connection, claim)) return StoreRefusal.NotOwner;
        var gone = record ?? displaced;
        if (gone is null && Count >= options.MaxServices) return StoreRefusal.MaxServices;
        if (gone is null && isFull) return StoreRefusal.MaxProvidersPerService;
        var isOwners = gone?.Source?.Owner == owner;
        if (!isOwners && owner.Count >= options.MaxServicesPerClient) return StoreRefusal.MaxServicesPerClient;
        var (size, before) = (stored.Value.Bytes.Length, gone?.Size ?? 0);
        if (IsTooMuch(owner.Bytes, size - (isOwners ? before : 0), options.MaxStoredBytesPerClient))
            return StoreRefusal.MaxStoredBytesPerClient;
        return IsTooMuch(Bytes, size - before, options.MaxStoredBytes) ? StoreRefusal.MaxStoredBytes : StoreRefusal.None;
    }

    // What shrinks has room always.
    private static bool IsTooMuch(long bytes, int more, long most) => more > 0 && bytes + more > most;

    private static bool IsFree(Record record, IActorRef connection, Claim claim) =>
        claim == Claim.Own || record.Claim == Claim.Peer || record.Source is null
        || record.Source.Owner.Connection.Equals(connection);

    private Source StreamSource(IFrameSink stream)
    {
        if (_streams.TryGetValue(stream, out var source)) return source;
        source = new Source(OwnerOf(stream.Connection), stream);
        source.Owner.Sources.Add(source);
        _streams.Add(stream, source);
        return source;
    }

    // Each frame of a peer comes on a stream of its own, which is gone by now.
    private Source PeerSource(IActorRef connection)
    {
        var owner = OwnerOf(connection);
        if (owner.AsPeer is null) owner.Sources.Add(owner.AsPeer = new Source(owner, null));
        return owner.AsPeer;
    }

    private Owner OwnerOf(IActorRef connection)
    {
        if (_owners.TryGetValue(connection, out var owner)) return owner;
        _owners.Add(connection, owner = new Owner(connection));
        watch(connection);
        return owner;
    }

    private void Withdraw(Source source)
    {
        for (var record = source.First; record is not null;)
        {
            var next = record.NextOfSource;
            if (record.Claim == Claim.Peer) Move(record, null, record.Size);
            else Remove(record);
            record = next;
        }
    }

    // What a connection has lost it must not announce again after a restart.
    private void TellFormer(Record record, IActorRef? now)
    {
        if (record.Source?.Owner.Connection is { } former && !former.Equals(now))
            lost(former, record.Service.Key, record.Stored);
    }

    private void Move(Record record, Source? source, int size)
    {
        var previous = record.Source;
        previous?.Take(record);
        Bytes += size - record.Size;
        record.Size = size;
        source?.Add(record);
        record.Source = source;
        if (previous is not null) Drop(previous);
    }

    // A source without records is no entry, nor is an owner without sources.
    private void Drop(Source source)
    {
        if (source.First is not null) return;
        if (source.Stream is not null) _streams.Remove(source.Stream);
        else source.Owner.AsPeer = null;
        source.Owner.Sources.Remove(source);
        if (source.Owner.Sources.Count == 0) _owners.Remove(source.Owner.Connection);
    }

    // Neither a lease nor one that is over.
    private void Settle(Record record)
    {
        if (record.IsSet)
        {
            _leases.Lift(record);
            return;
        }

        if (record.Place < 0) return;
        if (!record.IsKept) _unjudged--;
        var last = _overdue[^1];
        (_overdue[record.Place], last.Place) = (last, record.Place);
        _overdue.RemoveAt(_overdue.Count - 1);
        (record.Place, record.IsKept) = (-1, false);
    }

    private void Remove(Record record)
    {
        Settle(record);
        Detach(record);
    }

    private void Detach(Record record)
    {
        var service = record.Service;
        if (service.Count == 1) _services.Remove(service.Key);
        else service.Take(record);
        Move(record, null, 0);
    }

    /// <summary>The records under one key, in the order in which they were first advertised.</summary>
    private sealed class Service(DhtKey key)
    {
        private Record? _last;
        private Dictionary<NodeId, Record>? _byNode; // from when there are many

        public DhtKey Key { get; } = key;

        public int Count { get; private set; }

        public Record? First { get; private set; }

        /// <summary>Answer to the last question, until something changes or a lease in it ends.</summary>
        public Provider[]? Live { get; set; }

        public TimeSpan LiveUntil { get; private set; }

        public long Turn { get; set; }

        public Record? Find(NodeId node)
        {
            if (_byNode is not null) return _byNode.GetValueOrDefault(node);
            for (var record = First; record is not null; record = record.Later)
                if (record.Node == node) return record;
            return null;
        }

        /// <summary>The last that a client stored for another node; null when there is none.</summary>
        public Record? LastForAnother()
        {
            var record = _last;
            while (record is not null && record.Claim != Claim.Client) record = record.Earlier;
            return record;
        }

        public void Add(Record record)
        {
            record.Earlier = _last;
            if (_last is null) First = record;
            else _last.Later = record;
            _last = record;
            Count++;
            Live = null;
            if (_byNode is not null) _byNode.Add(record.Node, record);
            else if (Count > IndexFrom) Index();
        }

        public void Take(Record record)
        {
            if (record.Earlier is null) First = record.Later;
            else record.Earlier.Later = record.Later;
            if (record.Later is null) _last = record.Earlier;
            else record.Later.Earlier = record.Earlier;
            record.Earlier = record.Later = null;
            Count--;
            Live = null;
            _byNode?.Remove(record.Node);
        }

        /// <summary>A lease in it ends then, perhaps before all others.</summary>
        public void LiveUpTo(TimeSpan due)
        {
            if (due < LiveUntil) LiveUntil = due;
        }

        public bool HasOverdue(TimeSpan now)
        {
            for (var record = First; record is not null; record = record.Later)
                if (record.DueAt <= now) return true;
            return false;
        }

        public void Look(TimeSpan now)
        {
            var (near, far) = (0, 0);
            LiveUntil = TimeSpan.MaxValue;
            for (var record = First; record is not null; record = record.Later)
            {
                if (record.DueAt <= now || record.Provider is null) continue;
                if (record.Provider.Stream is null) far++;
                else near++;
                if (record.DueAt < LiveUntil) LiveUntil = record.DueAt;
            }

            Live = near + far == 0 ? [] : new Provider[near + far];
            (near, far) = (0, near);
            for (var record = First; record is not null; record = record.Later)
                if (record.DueAt > now && record.Provider is { } provider)
                    Live[provider.Stream is null ? far++ : near++] = provider;
        }

        private void Index()
        {
            _byNode = [];
            for (var record = First; record is not null; record = record.Later) _byNode.Add(record.Node, record);
        }
    }

    private sealed class Record(Service service, StoredRecord stored) : DeadlineWheel<Record>.Deadline
    {
        public Service Service { get; } = service;

        public StoredRecord Stored { get; set; } = stored;

        public NodeId Node => Stored.Record.NodeId;

        /// <summary>Null once the connection of the peer that stored it has ended.</summary>
        public Source? Source { get; set; }

        public Claim Claim { get; set; }

        /// <summary>Bytes of its value.</summary>
        public int Size { get; set; }

        /// <summary>How its node is called; null when it is not.</summary>
        public Provider? Provider { get; private set; }

        /// <summary>When its lease is over, to the tick; the wheel is coarser.</summary>
        public TimeSpan DueAt { get; set; }

        /// <summary>Where it is among the overdue, or -1.</summary>
        public int Place { get; set; } = -1;

        /// <summary>Overdue, and kept for a while.</summary>
        public bool IsKept { get; set; }

        public Record? Earlier { get; set; }

        public Record? Later { get; set; }

        public Record? PreviousOfSource { get; set; }

        public Record? NextOfSource { get; set; }

        /// <returns>False when it is as before.</returns>
        public bool CallOn(IFrameSink? stream, PeerAddress? address)
        {
            if (stream is null && address is null)
            {
                if (Provider is null) return false;
                Provider = null;
                return true;
            }

            if (Provider is not null && Provider.Stream == stream && Provider.Peer?.Address == address) return false;
            Provider = new Provider(Node, stream, address is null ? null : new Peer(Node, address));
            return true;
        }
    }

    /// <summary>A stream with records, or a peer's connection without regard to streams.</summary>
    private sealed class Source(Owner owner, IFrameSink? stream)
    {
        public Owner Owner { get; } = owner;

        public IFrameSink? Stream { get; } = stream;

        public Record? First { get; private set; }

        public void Add(Record record)
        {
            record.NextOfSource = First;
            if (First is not null) First.PreviousOfSource = record;
            First = record;
            Owner.Count++;
            Owner.Bytes += record.Size;
        }

        public void Take(Record record)
        {
            if (record.PreviousOfSource is null) First = record.NextOfSource;
            else record.PreviousOfSource.NextOfSource = record.NextOfSource;
            if (record.NextOfSource is not null) record.NextOfSource.PreviousOfSource = record.PreviousOfSource;
            record.PreviousOfSource = record.NextOfSource = null;
            Owner.Count--;
            Owner.Bytes -= record.Size;
        }
    }

    /// <summary>A connection with records.</summary>
    private sealed class Owner(IActorRef connection)
    {
        public IActorRef Connection { get; } = connection;

        public HashSet<Source> Sources { get; } = [];

        public Source? AsPeer { get; set; }

        public int Count { get; set; }

        /// <summary>Bytes of the values of its records.</summary>
        public long Bytes { get; set; }

        public List<(DhtKey, StoredRecord)>? Lapsed { get; set; }
    }
}
