namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>What packets of a connection id and timers lead to: a live session or the tombstone of one.</summary>
internal abstract class Route
{
    public const ulong Never = ulong.MaxValue;

    protected Route() => Timer = new TimerSlot { Route = this };

    public TimerSlot Timer { get; }

    public abstract void OnTimer(ulong now);
}

/// <summary>What the timer queue holds of a route. Entries stay until they are due, so the route cuts itself loose
/// when it ends.</summary>
internal sealed class TimerSlot
{
    public Route? Route { get; set; }

    /// <summary>The earliest entry in the queue.</summary>
    public ulong At { get; set; } = Loop.Route.Never;
}
