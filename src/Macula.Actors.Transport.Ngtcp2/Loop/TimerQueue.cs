namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Deadlines of routes. An entry is added only when it is earlier than the one there is; a later deadline is
/// found when the early entry fires and the route asks again.</summary>
internal sealed class TimerQueue
{
    private readonly PriorityQueue<TimerSlot, ulong> _queue = new();

    public void Set(Route route, ulong at)
    {
        var slot = route.Timer;
        if (at >= slot.At) return;
        slot.At = at;
        _queue.Enqueue(slot, at);
    }

    public void RunDue(ulong now)
    {
        while (_queue.TryPeek(out var slot, out var at) && at <= now)
        {
            _queue.Dequeue();
            if (slot.At != at) continue; // an earlier entry took its place and fired
            slot.At = Route.Never;
            slot.Route?.OnTimer(now);
        }
    }

    /// <summary>Nanoseconds until the next entry, at most <paramref name="most"/>.</summary>
    public ulong UntilNext(ulong now, ulong most) =>
        !_queue.TryPeek(out _, out var at) ? most : at <= now ? 0 : Math.Min(most, at - now);
}
