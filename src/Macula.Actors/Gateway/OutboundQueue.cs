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
internal sealed class FrameRing
{
    private const int Least = 1;

    private Entry[] _entries = [];
    private int _head;
    private int _droppable;

    public int Count { get; private set; }

    public void Enqueue(ReadOnlyMemory<byte> frame, bool droppable)
    {
        if (Count == _entries.Length) Resize(Math.Max(Least, _entries.Length * 2));
        _entries[(_head + Count) % _entries.Length] = new Entry(frame, droppable);
        Count++;
        if (droppable) _droppable++;
    }

    public bool TryDequeue(out ReadOnlyMemory<byte> frame)
    {
        frame = default;
        if (Count == 0) return false;
        ref var entry = ref _entries[_head];
        frame = entry.Frame;
        if (entry.Droppable) _droppable--;
        entry = default;
        _head = (_head + 1) % _entries.Length;
        Count--;
        return true;
    }

    /// <summary>Takes out the oldest frame that may be dropped; those before it keep their order.</summary>
    public bool TryDropOldest([NotNullWhen(true)] out int? bytes)
    {
        bytes = null;
        if (_droppable == 0) return false;
        var at = 0;
        while (!At(at).Droppable) at++;
        bytes = At(at).Frame.Length;
        for (; at > 0; at--) At(at) = At(at - 1);
        At(0) = new Entry(default, true); // a copy of what moved up, or the dropped one itself
        return TryDequeue(out _);
    }

    /// <summary>Takes out the oldest frames that may be dropped, until they are so many and have so many bytes, or there
    /// are none; the others keep their order. One pass, however many go.</summary>
    public (int Frames, long Bytes) DropOldest(int frames, long bytes)
    {
        var (dropped, freed, kept) = (0, 0L, 0);
        for (var i = 0; i < Count; i++)
        {
            ref var entry = ref At(i);
            if (entry.Droppable && (dropped < frames || freed < bytes))
            {
                dropped++;
                freed += entry.Frame.Length;
            }
            else
            {
                At(kept++) = entry;
            }
        }

        for (var i = kept; i < Count; i++) At(i) = default;
        Count = kept;
        _droppable -= dropped;
        if (_entries.Length > Least && Count <= _entries.Length / 4) Resize(_entries.Length / 4); // a place is 24 bytes
        return (dropped, freed);
    }

    private ref Entry At(int index) => ref _entries[(_head + index) % _entries.Length];

    private void Resize(int places)
    {
        var entries = new Entry[places];
        for (var i = 0; i < Count; i++) entries[i] = At(i);
        (_entries, _head) = (entries, 0);
    }

    private record struct Entry(ReadOnlyMemory<byte> Frame, bool Droppable);
}
