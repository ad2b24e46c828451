using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Registry;

/// <summary>What peers answered about services that nobody here advertised, for a while.</summary>
/// <remarks>Reading an entry makes it the last to give way to others, and no younger: it ends when it would have ended
/// unread. Each operation is O(1); expiry costs what expires. Not thread-safe.</remarks>
internal sealed class DiscoveryCache(RegistryOptions options, TimeSpan now)
{
    private const int Slots = 512;

    private static readonly TimeSpan FinestResolution = TimeSpan.FromMilliseconds(100);

    private readonly LruMap<DhtKey, Entry> _entries = new(options.MaxCachedServices);
    private readonly Dictionary<NodeId, HashSet<LruMap<DhtKey, Entry>.Entry>> _through = [];
    private readonly DeadlineWheel<LruMap<DhtKey, Entry>.Entry> _ends =
        new(TimeSpan.FromTicks(Math.Max(FinestResolution.Ticks, options.CacheTtl.Ticks / (Slots / 2))), now, Slots);

    public int Count => _entries.Count;

    /// <summary>Keeps an answer instead of the one before; an empty one is not kept.</summary>
    /// <param name="providers">Each with a peer; not changed afterwards.</param>
    /// <param name="ttl">At most cache-ttl counts.</param>
    /// <returns>Whether the entry that was not asked for the longest gave way.</returns>
    public bool Put(DhtKey key, Provider[] providers, TimeSpan ttl, TimeSpan now)
    {
        if (_entries.TryGet(key, out var previous)) Remove(previous);
        if (providers.Length == 0) return false;
        var gaveWay = Count == _entries.Capacity;
        if (gaveWay) Remove(_entries.Oldest!);

        var due = now + (ttl < options.CacheTtl ? ttl : options.CacheTtl);
        var entry = _entries.Add(key, new Entry(providers, due), now);
        entry.Value.End = _ends.Set(entry, due);
        foreach (var provider in providers)
        {
            if (!_through.TryGetValue(provider.Peer!.Node, out var entries)) _through[provider.Peer.Node] = entries = [];
            entries.Add(entry);
        }

        return gaveWay;
    }

    /// <summary>Adds what was learned of a service to those that are live here.</summary>
    /// <param name="live">Those here come first, and instead of what was learned of the same node.</param>
    /// <param name="turn">How often it was asked for before, which counts only when nobody is live here.</param>
    /// <returns>False when nothing is known.</returns>
    public bool TryFind(DhtKey key, Provider[] live, TimeSpan now, out Provider[] all, out long turn)
    {
        (all, turn) = (live, 0);
        if (!_entries.TryGet(key, out var found) || found.Value.Due <= now) return false;
        _entries.Use(found, now);
        turn = found.Value.Turn++;
        all = found.Value.Beside(live);
        return true;
    }

    /// <summary>Forgets what would go through a peer.</summary>
    public void Forget(NodeId peer)
    {
        if (!_through.Remove(peer, out var entries)) return;
        foreach (var entry in entries)
        {
            entry.Value.Forget(peer);
            if (entry.Value.Learned.Length == 0) Remove(entry);
        }
    }

    /// <returns>How many were over.</returns>
    public int Expire(TimeSpan now) => _ends.Expire(now, Remove);

    /// <returns>How many there were.</returns>
    public int Clear()
    {
        var count = Count;
        foreach (var entry in _entries.Entries.ToArray()) Remove(entry);
        return count;
    }

    private void Remove(LruMap<DhtKey, Entry>.Entry entry)
    {
        _entries.Remove(entry);
        _ends.Lift(entry.Value.End!);
        foreach (var provider in entry.Value.Learned)
        {
            if (!_through.TryGetValue(provider.Peer!.Node, out var entries)) continue;
            entries.Remove(entry);
            if (entries.Count == 0) _through.Remove(provider.Peer.Node);
        }
    }

    private sealed class Entry(Provider[] learned, TimeSpan due)
    {
        private Provider[]? _live;
        private Provider[] _all = [];

        public Provider[] Learned { get; private set; } = learned;

        public TimeSpan Due { get; } = due;

        public DeadlineWheel<LruMap<DhtKey, Entry>.Entry>.Deadline? End { get; set; }

        public long Turn { get; set; }

        /// <summary>Made once for as long as neither side changes.</summary>
        public Provider[] Beside(Provider[] live)
        {
            if (live.Length == 0) return Learned;
            if (ReferenceEquals(live, _live)) return _all;
            var here = live.Select(provider => provider.Node).ToHashSet();
            _live = live;
            return _all = [.. live, .. Learned.Where(provider => !here.Contains(provider.Node))];
        }

        public void Forget(NodeId peer) =>
            (Learned, _live) = ([.. Learned.Where(provider => provider.Peer!.Node != peer)], null);
    }
}
