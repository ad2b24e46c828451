namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Deadlines of routes. An entry is added only when it is earlier than the one there is; a later deadline is
/// found when the early entry fires and the route asks again.</summary>
internal sealed class TimerQueue
{
    private readonly PriorityQueue<Route, ulong> _queue = new();

    public void Set(Route route, ulong at)
    {
        if (at >= route.TimerAt) return;
        route.TimerAt = at;
        _queue.Enqueue(route, at);
    }

    public void RunDue(ulong now)
    {
        while (_queue.TryPeek(out var route, out var at) && at <= now)
        {
            _queue.Dequeue();
            if (route.TimerAt != at) continue; // an earlier entry took its place and fired
            route.TimerAt = Route.Never;
            route.OnTimer(now);
        }
    }

    /// <summary>Nanoseconds until the next entry, at most <paramref name="most"/>.</summary>
    public ulong UntilNext(ulong now, ulong most) =>
        !_queue.TryPeek(out _, out var at) ? most : at <= now ? 0 : Math.Min(most, at - now);
}
