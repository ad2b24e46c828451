namespace Macula.Actors.Memory;

/// <summary>What is said to a <see cref="MemoryGuardActor"/>, and what it tells the concerns.</summary>
public static class MemoryProtocol
{
    /// <summary>Told to every concern when it changes. While it is <see cref="MemoryLevel.Normal"/>, all is as ever. May be
    /// told again without a change.</summary>
    public sealed record LevelChanged(MemoryLevel Level) : ILocal
    {
        /// <summary>What clients that are refused meanwhile are told to wait.</summary>
        public TimeSpan RetryAfter { get; init; }
    }

    /// <summary>Answered <see cref="LevelChanged"/> with the level that holds now; for a concern that starts anew, or in
    /// its name.</summary>
    public sealed record GetLevel : ILocal
    {
        public static readonly GetLevel Instance = new();
    }
}

/// <summary>What is given up for memory, in this order; each level includes those before it.</summary>
public enum MemoryLevel
{
    Normal,

    /// <summary>New clients are refused with <c>memory_pressure</c>.</summary>
    RefuseClients,

    /// <summary>Idle mesh connections are closed.</summary>
    CloseIdlePeers,

    /// <summary>Retained messages and the discovery cache are dropped, and not kept for now.</summary>
    DropCaches,

    /// <summary>Outbound queues are a quarter of what they may be.</summary>
    ShrinkQueues,
}
