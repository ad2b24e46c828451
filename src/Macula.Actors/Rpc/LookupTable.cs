using System.Diagnostics.CodeAnalysis;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Rpc;

/// <summary>A question who provides a procedure, with all calls that wait for its answer.</summary>
/// <param name="isLocal">Only this node's clients count, for calls that came in an RPC_ROUTE.</param>
internal sealed class Lookup(ulong id, DhtKey key, bool isLocal)
{
    public ulong Id { get; } = id;

    public DhtKey Key { get; } = key;

    public bool IsLocal { get; } = isLocal;

    public LinkedList<PendingCall> Waiting { get; } = [];

    /// <summary>The exchanges with peers that are not over, by their ids; null until peers are asked.</summary>
    public Dictionary<ulong, Peer>? Asked { get; set; }

    /// <summary>A peer did not answer in time, so that nobody knows whether there is a provider.</summary>
    public bool IsUncertain { get; set; }

    public DeadlineWheel<Lookup>.Deadline? Deadline { get; set; }
}

/// <summary>The lookups that wait for an answer: at most one for a key and kind. Each operation is O(1). Not
/// thread-safe.</summary>
internal sealed class LookupTable(TimeSpan now)
{
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<ulong, Lookup> _lookups = [];
    private readonly Dictionary<(DhtKey Key, bool IsLocal), Lookup> _byKey = [];
    private readonly DeadlineWheel<Lookup> _deadlines = new(Resolution, now);

    public int Count => _lookups.Count;

    /// <summary>A copy of what is there.</summary>
    public IReadOnlyList<Lookup> All => [.. _lookups.Values];

    public Lookup? Find(DhtKey key, bool isLocal) => _byKey.GetValueOrDefault((key, isLocal));

    public bool TryGet(ulong id, [NotNullWhen(true)] out Lookup? lookup) => _lookups.TryGetValue(id, out lookup);

    public void Add(Lookup lookup)
    {
        _lookups.Add(lookup.Id, lookup);
        _byKey.Add((lookup.Key, lookup.IsLocal), lookup);
    }

    public void SetDeadline(Lookup lookup, TimeSpan due) => lookup.Deadline = _deadlines.Set(lookup, due);

    public static void Join(Lookup lookup, PendingCall call)
    {
        call.Lookup = lookup;
        lookup.Waiting.AddLast(call.WhereNode);
    }

    public static void Leave(PendingCall call)
    {
        call.Lookup!.Waiting.Remove(call.WhereNode);
        call.Lookup = null;
    }

    /// <summary>The only way out of the table; the calls that wait are still in the lookup. Removing twice does
    /// nothing.</summary>
    public bool Remove(Lookup lookup)
    {
        if (!_lookups.Remove(lookup.Id)) return false;
        _byKey.Remove((lookup.Key, lookup.IsLocal));
        if (lookup.Deadline is not null) _deadlines.Lift(lookup.Deadline);
        return true;
    }

    public void Expire(TimeSpan now, Action<Lookup> expired) => _deadlines.Expire(now, expired);
}
