namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>What packets of a connection id and timers lead to: a live session or the tombstone of one.</summary>
internal abstract class Route
{
    public const ulong Never = ulong.MaxValue;

    /// <summary>The earliest entry of this route in the timer queue.</summary>
    public ulong TimerAt { get; set; } = Never;

    public abstract void OnTimer(ulong now);
}
