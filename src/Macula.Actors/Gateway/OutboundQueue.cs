using System.Diagnostics.CodeAnalysis;

namespace Macula.Actors.Gateway;

/// <summary>What waits to be written to one connection: counts frames and bytes of all its streams against one
/// bound.</summary>
internal sealed class OutboundQueue(OutboundLimits limits, GatewayMetrics metrics)
{
    private int _frames;
    private long _bytes;

    /// <summary>Guards this queue and those of its streams.</summary>
    public Lock Gate { get; } = new();

    public SlowConsumerPolicy Policy => limits.Policy;

    public int Frames
    {
        get
        {
            lock (Gate) return _frames;
        }
    }

    public long Bytes
    {
        get
        {
            lock (Gate) return _bytes;
        }
    }

    /// <summary>Whether a frame may be queued as things are. One into an empty queue always may: else large ones would
    /// never pass while the bound is shrunk.</summary>
    public bool HasRoom(int bytes) =>
        (_frames < limits.FramesNow && _bytes + bytes <= limits.BytesNow)
        || (_frames == 0 && limits.IsShrunk && HasRoomUnlessShort(bytes));

    /// <summary>Whether a frame could be queued if memory were not short. What must arrive still may, so that nobody is
    /// disconnected for what the node lacks.</summary>
    public bool HasRoomUnlessShort(int bytes) => _frames < limits.MaxFrames && _bytes + bytes <= limits.MaxBytes;

    /// <summary>By how much the queue is above what it may be; 0 or less when it is not.</summary>
    public (int Frames, long Bytes) Excess() => (_frames - limits.FramesNow, _bytes - limits.BytesNow);

    public void Add(int bytes)
    {
        _frames++;
        _bytes += bytes;
    }

    public void Remove(int frames, long bytes)
    {
        _frames -= frames;
        _bytes -= bytes;
    }

    public void Dropped()
    {
        if (limits.IsShrunk) metrics.OutboundDroppedForMemory(1);
        else metrics.OutboundDropped(limits.Policy);
    }

    /// <summary>Takes out what was dropped because the bound has shrunk.</summary>
    public void Trimmed(int frames, long bytes)
    {
        if (frames == 0) return;
        Remove(frames, bytes);
        metrics.OutboundDroppedForMemory(frames);
    }
}

/// <summary>The frames that wait for one stream, oldest first. Guarded by <see cref="OutboundQueue.Gate"/>.</summary>
/// <remarks>The droppable ones are chained, so that dropping the oldest is O(1), amortised. It leaves a gap, unless it was
/// the first of all. Gaps are closed when there are no more places; more of those are made only when half of them are
/// taken.</remarks>
internal sealed class FrameRing
{
    private const int Least = 1;

    private Entry[] _entries = [];
    private int _head; // never a gap
    private int _used; // frames and gaps
    private int _droppable;
    private int _oldestDroppable;
    private int _newestDroppable;

    public int Count { get; private set; }

    /// <summary>Frames that may wait before more places are made.</summary>
    internal int Places => _entries.Length;

    /// <summary>Places that were gone through because of gaps, or to have more or fewer: what dropping costs.</summary>
    internal long Steps { get; private set; }

    public void Enqueue(ReadOnlyMemory<byte> frame, bool droppable)
    {
        if (_used == _entries.Length)
            MoveTo(Count >= _entries.Length / 2 ? new Entry[Math.Max(Least, _entries.Length * 2)] : _entries);
        Append(frame, droppable);
    }

    public bool TryDequeue(out ReadOnlyMemory<byte> frame)
    {
        frame = default;
        if (Count == 0) return false;
        frame = _entries[_head].Frame;
        if (_entries[_head].Kind == Kind.Droppable) LeaveChain(_head);
        MakeGap(_head);
        return true;
    }

    /// <summary>Takes out the oldest frame that may be dropped; the others keep their order.</summary>
    public bool TryDropOldest([NotNullWhen(true)] out int? bytes)
    {
        bytes = null;
        if (_droppable == 0) return false;
        var place = _oldestDroppable;
        bytes = _entries[place].Frame.Length;
        LeaveChain(place);
        MakeGap(place);
        return true;
    }

    /// <summary>Takes out the oldest frames that may be dropped, until they are so many and have so many bytes, or there
    /// are none; the others keep their order.</summary>
    public (int Frames, long Bytes) DropOldest(int frames, long bytes)
    {
        var (dropped, freed) = (0, 0L);
        while ((dropped < frames || freed < bytes) && TryDropOldest(out var size))
        {
            dropped++;
            freed += size.Value;
        }

        if (_entries.Length > Least && Count <= _entries.Length / 4)
            MoveTo(new Entry[_entries.Length / 4]); // a place is 24 bytes
        return (dropped, freed);
    }

    private void Append(ReadOnlyMemory<byte> frame, bool droppable)
    {
        var place = (_head + _used) % _entries.Length;
        _entries[place] = new Entry(frame, droppable ? Kind.Droppable : Kind.Kept, 0);
        _used++;
        Count++;
        if (!droppable) return;
        if (_droppable++ == 0) _oldestDroppable = place;
        else _entries[_newestDroppable].Next = place;
        _newestDroppable = place;
    }

    // Only the oldest leaves.
    private void LeaveChain(int place)
    {
        _oldestDroppable = _entries[place].Next;
        _droppable--;
    }

    private void MakeGap(int place)
    {
        _entries[place] = default;
        Count--;
        while (_used > 0 && _entries[_head].Kind == Kind.Gap)
        {
            _head = (_head + 1) % _entries.Length;
            _used--;
            Steps++;
        }
    }

    /// <param name="entries">May be the same: then gaps are closed.</param>
    private void MoveTo(Entry[] entries)
    {
        var (from, first, used) = (_entries, _head, _used);
        _entries = entries;
        if (entries != from) _head = 0;
        (_used, _droppable, Count) = (0, 0, 0);
        Steps += used;
        for (var i = 0; i < used; i++)
        {
            var place = (first + i) % from.Length;
            var entry = from[place];
            from[place] = default;
            if (entry.Kind != Kind.Gap) Append(entry.Frame, entry.Kind == Kind.Droppable);
        }
    }

    private enum Kind
    {
        Gap,
        Kept,
        Droppable,
    }

    /// <param name="Next">The place of the next droppable one, of all but the newest.</param>
    private record struct Entry(ReadOnlyMemory<byte> Frame, Kind Kind, int Next);
}
