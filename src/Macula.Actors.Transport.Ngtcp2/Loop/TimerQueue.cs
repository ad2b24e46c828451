namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Deadlines of routes. An entry is added only when it is earlier than the one there is; a later deadline is
/// found when the early entry fires and the route asks again.</summary>
/// <remarks>Entries that an earlier one replaced would stay until they are due, which for an idle time-out is long: they
/// are swept out when they are more than those that count and <see cref="Slack"/>.</remarks>
internal sealed class TimerQueue
{
    /// <summary>Entries that are never worth a sweep.</summary>
    public const int Slack = 1024;

    private readonly PriorityQueue<TimerSlot, ulong> _queue = new();
    private readonly List<(TimerSlot Slot, ulong At)> _kept = [];
    private int _armed; // slots with an entry that counts

    /// <summary>Entries, those included that were replaced: at most twice the routes and <see cref="Slack"/>.</summary>
    public int Count => _queue.Count;

    public void Set(Route route, ulong at)
    {
        var slot = route.Timer;
        if (at >= slot.At) return;
        if (slot.At == Route.Never) _armed++;
        slot.At = at;
        _queue.Enqueue(slot, at);
        if (_queue.Count > (2 * _armed) + Slack) Sweep();
    }

    public void RunDue(ulong now)
    {
        while (_queue.TryPeek(out var slot, out var at) && at <= now)
        {
            _queue.Dequeue();
            if (slot.At != at) continue; // an earlier entry took its place and fired
            slot.At = Route.Never;
            _armed--;
            slot.Route?.OnTimer(now);
        }
    }

    /// <summary>Of the next entry, or <see cref="Route.Never"/>.</summary>
    public ulong Next => _queue.TryPeek(out _, out var at) ? at : Route.Never;

    private void Sweep()
    {
        foreach (var (slot, at) in _queue.UnorderedItems)
        {
            if (slot.At != at) continue;
            _kept.Add((slot, at));
            slot.At = Route.Never; // a slot may have the same deadline twice
        }

        foreach (var (slot, at) in _kept) slot.At = at;
        _queue.Clear();
        _queue.EnqueueRange(_kept);
        _kept.Clear();
    }
}
