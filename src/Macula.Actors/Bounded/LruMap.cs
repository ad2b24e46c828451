using System.Diagnostics.CodeAnalysis;

namespace Macula.Actors.Bounded;

/// <summary>Values by key, in the exact order of their last use: finding, using, pinning, adding and removing are O(1),
/// and expiry costs only what expires.</summary>
/// <remarks>A dictionary with an intrusive list. A pinned entry is in use and not in the list, so that the oldest entry
/// of the list is the next one to give way, with nothing to skip. Not thread-safe: it belongs to one actor, which says
/// what time it is; that time must not go back.</remarks>
/// <param name="capacity">The most entries there may be; above 0. Whoever adds makes room first.</param>
public sealed class LruMap<TKey, TValue>(int capacity, IEqualityComparer<TKey>? comparer = null)
    where TKey : notnull
{
    private readonly Dictionary<TKey, Entry> _entries = new(comparer);
    private Entry? _newest;

    /// <summary>The most entries there may be.</summary>
    public int Capacity { get; } = capacity > 0
        ? capacity
        : throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "must be above 0");

    /// <summary>Entries, pinned ones included.</summary>
    public int Count => _entries.Count;

    /// <summary>Entries that are pinned.</summary>
    public int Pinned { get; private set; }

    /// <summary>Entries that are not pinned.</summary>
    public int Idle => Count - Pinned;

    /// <summary>The entry that would give way now: of those not pinned, the one that was not used for longest.</summary>
    public Entry? Oldest { get; private set; }

    /// <summary>All entries, in no particular order.</summary>
    public IReadOnlyCollection<Entry> Entries => _entries.Values;

    public bool TryGet(TKey key, [NotNullWhen(true)] out Entry? entry) => _entries.TryGetValue(key, out entry);

    /// <summary>Adds an entry, which is the most recently used one then.</summary>
    /// <exception cref="ArgumentException">The key is there already.</exception>
    /// <exception cref="InvalidOperationException">The map is full.</exception>
    public Entry Add(TKey key, TValue value, TimeSpan now)
    {
        if (Count >= Capacity) throw new InvalidOperationException($"The map has {Count} entries, the most it may have.");
        var entry = new Entry(this, key, value, now);
        _entries.Add(key, entry);
        Link(entry);
        return entry;
    }

    /// <summary>Makes an entry the most recently used one.</summary>
    public void Use(Entry entry, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(entry);
        entry.UsedAt = now;
        if (!Holds(entry) || entry.Pins > 0 || ReferenceEquals(entry, _newest)) return;
        Unlink(entry);
        Link(entry);
    }

    /// <summary>Keeps an entry from giving way until it is unpinned as often as it was pinned.</summary>
    public void Pin(Entry entry, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(entry);
        entry.UsedAt = now;
        if (entry.Pins++ > 0 || !Holds(entry)) return;
        Unlink(entry);
        Pinned++;
    }

    /// <summary>Takes one pin back; without any, the entry is the most recently used one. An entry that was removed
    /// keeps its pins and loses them in the same way.</summary>
    /// <exception cref="InvalidOperationException">The entry is not pinned.</exception>
    public void Unpin(Entry entry, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Pins == 0) throw new InvalidOperationException("The entry is not pinned.");
        entry.UsedAt = now;
        if (--entry.Pins > 0 || !Holds(entry)) return;
        Pinned--;
        Link(entry);
    }

    /// <summary>Removes this very entry, pinned or not.</summary>
    /// <returns>False when it is not in the map (any more), whoever has its key now.</returns>
    public bool Remove(Entry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (!Holds(entry)) return false;
        entry.Map = null;
        _entries.Remove(entry.Key);
        if (entry.Pins > 0) Pinned--;
        else Unlink(entry);
        return true;
    }

    /// <summary>Removes the entries that are not pinned and were last used at or before <paramref name="until"/>, the
    /// oldest first, and tells <paramref name="expired"/> of each, which may change the map.</summary>
    /// <returns>How many there were.</returns>
    public int Expire(TimeSpan until, Action<Entry> expired)
    {
        ArgumentNullException.ThrowIfNull(expired);
        var count = 0;
        while (Oldest is { } oldest && oldest.UsedAt <= until)
        {
            Remove(oldest);
            count++;
            expired(oldest);
        }

        return count;
    }

    private bool Holds(Entry entry) => ReferenceEquals(entry.Map, this);

    private void Link(Entry entry)
    {
        entry.Older = _newest;
        entry.Newer = null;
        if (_newest is null) Oldest = entry;
        else _newest.Newer = entry;
        _newest = entry;
    }

    private void Unlink(Entry entry)
    {
        if (entry.Older is null) Oldest = entry.Newer;
        else entry.Older.Newer = entry.Newer;
        if (entry.Newer is null) _newest = entry.Older;
        else entry.Newer.Older = entry.Older;
        entry.Older = entry.Newer = null;
    }

    /// <summary>One entry; it stays the same object until it is removed, and is never used again after that.</summary>
    public sealed class Entry
    {
        internal Entry(LruMap<TKey, TValue> map, TKey key, TValue value, TimeSpan now) =>
            (Map, Key, Value, UsedAt) = (map, key, value, now);

        public TKey Key { get; }

        public TValue Value { get; }

        /// <summary>When it was added, used, pinned or unpinned last.</summary>
        public TimeSpan UsedAt { get; internal set; }

        /// <summary>How often it is pinned.</summary>
        public int Pins { get; internal set; }

        /// <summary>The map that it is in; null once it was removed.</summary>
        internal LruMap<TKey, TValue>? Map { get; set; }

        internal Entry? Older { get; set; }

        internal Entry? Newer { get; set; }
    }
}
