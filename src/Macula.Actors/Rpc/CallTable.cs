using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Rpc;

/// <summary>The calls that wait, by id, by caller and by provider, with their deadlines. Each operation is O(1); all
/// indexes change together. Not thread-safe.</summary>
/// <remarks>A party is watched once however many calls it has. When its last call has ended it stays for
/// <see cref="Linger"/>, since most come back, and at most <see cref="MaxIdle"/> stay so.</remarks>
/// <param name="watch">Told of each party that comes in.</param>
/// <param name="unwatch">Told of each party that goes, except those that have ended.</param>
internal sealed class CallTable(TimeSpan now, Action<IActorRef> watch, Action<IActorRef> unwatch)
{
    /// <summary>The most parties without calls.</summary>
    public const int MaxIdle = 1024;

    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<ulong, PendingCall> _calls = [];
    private readonly Dictionary<IActorRef, Party> _parties = [];
    private readonly Dictionary<IFrameSink, Place> _streams = [];
    private readonly Dictionary<(NodeId Source, CallId Call), PendingCall> _passedOn = [];
    private readonly Dictionary<NodeId, int> _atPeers = [];
    private readonly LinkedList<Party> _idle = []; // the longest idle first
    private readonly DeadlineWheel<PendingCall> _deadlines = new(Resolution, now);
    private TimeSpan _now = now; // of the last tick, which is close enough for idleness

    public int Count => _calls.Count;

    /// <summary>What the calls count for against max-pending-bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>A copy of what is there.</summary>
    public IReadOnlyList<PendingCall> All => [.. _calls.Values];

    /// <summary>Connections and actors that are watched because of calls.</summary>
    public int Parties => _parties.Count;

    public bool Knows(IActorRef party) => _parties.ContainsKey(party);

    /// <summary>The pending calls of a caller, on all its streams.</summary>
    public int CountOf(IFrameSink? stream, IActorRef caller) => PartyOf(stream, caller)?.Called ?? 0;

    /// <summary>What they count for against max-pending-bytes-per-client.</summary>
    public long BytesOf(IFrameSink? stream, IActorRef caller) => PartyOf(stream, caller)?.CalledBytes ?? 0;

    public void Add(PendingCall call, TimeSpan due)
    {
        _calls.Add(call.Id, call);
        Bytes += call.Bytes;
        (call.Due, call.Deadline) = (due, _deadlines.Set(call, due));
        var from = call.From = call.Stream is { } stream ? PlaceOf(stream) : PlaceOf(call.Caller);
        from.Called.AddLast(call.CallerNode);
        from.Party.Called++;
        from.Party.CalledBytes += call.Bytes;
        Engage(from.Party);
        if (call.Stream is not null) from.Party.ByCallId[call.CallId] = call;
        if (!call.Destination.IsEmpty) _passedOn[(call.RoutedFrom, call.CallId)] = call;
    }

    /// <summary>The call goes to a provider's stream.</summary>
    public void Assign(PendingCall call, IFrameSink provider) => Assign(call, PlaceOf(provider));

    /// <summary>The call goes to a provider, whose place may be one that is not listed here.</summary>
    public void Assign(PendingCall call, Place provider)
    {
        call.At = provider;
        provider.Running.AddLast(call.WhereNode);
        Engage(provider.Party);
    }

    /// <summary>The call goes to a peer.</summary>
    public void Assign(PendingCall call, NodeId peer, ulong exchange)
    {
        (call.Peer, call.Exchange) = (peer, exchange);
        CollectionsMarshal.GetValueRefOrAddDefault(_atPeers, peer, out _)++;
    }

    /// <summary>Takes the call back from where it went.</summary>
    public void Unassign(PendingCall call)
    {
        if (call.At is { } at)
        {
            at.Running.Remove(call.WhereNode);
            call.At = null;
            Release(at);
        }

        if (call.Exchange == 0) return;
        call.Exchange = 0;
        if (--CollectionsMarshal.GetValueRefOrNullRef(_atPeers, call.Peer) == 0) _atPeers.Remove(call.Peer);
    }

    /// <summary>The calls that run at a provider.</summary>
    public int RunningAt(Provider provider) => provider switch
    {
        { Stream: { } stream } => _streams.GetValueOrDefault(stream)?.Running.Count ?? 0,
        { Peer: { } peer } => _atPeers.GetValueOrDefault(peer.Node),
        _ => 0,
    };

    public bool TryGet(ulong id, [NotNullWhen(true)] out PendingCall? call) => _calls.TryGetValue(id, out call);

    public bool Contains(PendingCall call) => _calls.GetValueOrDefault(call.Id) == call;

    /// <summary>The call that a caller knows under this id; the newest, when it used one twice. One that came in an
    /// RPC_ROUTE is known on its own stream only, since its ids are those of many nodes.</summary>
    public bool TryGet(IFrameSink caller, CallId id, [NotNullWhen(true)] out PendingCall? call)
    {
        call = null;
        return PartyOf(caller, caller.Connection) is { } party && party.ByCallId.TryGetValue(id, out call)
            && (call.RoutedFrom.IsEmpty || call.Stream == caller);
    }

    /// <summary>The call that was passed on for this node under this id; the newest, when it used one twice.</summary>
    public bool TryGetPassedOn(NodeId source, CallId id, [NotNullWhen(true)] out PendingCall? call) =>
        _passedOn.TryGetValue((source, id), out call);

    /// <summary>The only way out of the table. Removing twice does nothing.</summary>
    public bool Remove(PendingCall call)
    {
        if (!_calls.Remove(call.Id)) return false;
        Bytes -= call.Bytes;
        _deadlines.Lift(call.Deadline!);
        var from = call.From!;
        from.Called.Remove(call.CallerNode);
        from.Party.Called--;
        from.Party.CalledBytes -= call.Bytes;
        if (call.Stream is not null && from.Party.ByCallId.TryGetValue(call.CallId, out var newest) && newest == call)
            from.Party.ByCallId.Remove(call.CallId);
        Release(from);
        Unassign(call);
        if (!call.Destination.IsEmpty && TryGetPassedOn(call.RoutedFrom, call.CallId, out newest) && newest == call)
            _passedOn.Remove((call.RoutedFrom, call.CallId));
        return true;
    }

    /// <summary>What has to do with a stream, or null.</summary>
    public Place? Find(IFrameSink stream) => _streams.GetValueOrDefault(stream);

    /// <summary>Forgets a party that has ended; its calls are still in the table, and in what is returned.</summary>
    public Party? RemoveParty(IActorRef actor)
    {
        if (!_parties.TryGetValue(actor, out var party)) return null;
        Forget(party);
        return party;
    }

    /// <summary>Lets go of all parties, whose calls must have been removed.</summary>
    public void RemoveParties()
    {
        foreach (var party in _parties.Values.ToArray()) Drop(party);
    }

    /// <summary>Tells of each call that is due, and lets go of those who have been idle for long enough.</summary>
    public void Expire(TimeSpan now, Action<PendingCall> expired)
    {
        _now = now;
        _deadlines.Expire(now, expired);
        while (_idle.First?.Value is { } longest && longest.IdleSince + Linger <= now) Drop(longest);
    }

    private Party? PartyOf(IFrameSink? stream, IActorRef actor) =>
        stream is not null && _streams.TryGetValue(stream, out var place)
            ? place.Party
            : _parties.GetValueOrDefault(actor);

    private Place PlaceOf(IFrameSink stream)
    {
        if (_streams.TryGetValue(stream, out var place)) return place;
        place = new Place(PlaceOf(stream.Connection).Party, stream);
        place.Party.Streams.AddLast(place.Node);
        return _streams[stream] = place;
    }

    private Place PlaceOf(IActorRef actor)
    {
        if (_parties.TryGetValue(actor, out var party)) return party.Own;
        _parties[actor] = party = new Party(actor) { IsListed = true };
        watch(actor);
        return party.Own;
    }

    private void Engage(Party party)
    {
        party.Calls++;
        if (party.Idle.List is not null) _idle.Remove(party.Idle);
    }

    private void Release(Place place)
    {
        var party = place.Party;
        party.Calls--;
        if (!party.IsListed) return;
        if (place.Stream is not null && place.IsEmpty && party.Spare != place)
        {
            if (party.Spare is { IsEmpty: true } former) RemovePlace(former);
            party.Spare = place;
        }

        if (party.Calls > 0) return;
        party.IdleSince = _now;
        _idle.AddLast(party.Idle);
        if (_idle.Count > MaxIdle) Drop(_idle.First!.Value);
    }

    private void Drop(Party party)
    {
        Forget(party);
        unwatch(party.Actor);
    }

    private void Forget(Party party)
    {
        _parties.Remove(party.Actor);
        party.IsListed = false;
        foreach (var place in party.Streams) _streams.Remove(place.Stream!);
        if (party.Idle.List is not null) _idle.Remove(party.Idle);
    }

    private void RemovePlace(Place place)
    {
        _streams.Remove(place.Stream!);
        place.Party.Streams.Remove(place.Node);
    }
}
