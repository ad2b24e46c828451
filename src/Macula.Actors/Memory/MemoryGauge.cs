namespace Macula.Actors.Memory;

/// <summary>What a <see cref="MemoryGuardActor"/> found last. It alone writes; any thread reads. Outlives a restart of the
/// guard, which goes on from here.</summary>
public sealed class MemoryGauge
{
    private long _live;
    private long _limit;
    private int _level;

    /// <summary>Bytes that were held.</summary>
    public long Live => Volatile.Read(ref _live);

    /// <summary>Bytes that may be held; 0 before the first reading.</summary>
    public long Limit => Volatile.Read(ref _limit);

    public MemoryLevel Level => (MemoryLevel)Volatile.Read(ref _level);

    internal void Set(in MemoryReading reading)
    {
        Volatile.Write(ref _live, reading.Live);
        Volatile.Write(ref _limit, reading.Limit);
    }

    internal void Set(MemoryLevel level) => Volatile.Write(ref _level, (int)level);
}
