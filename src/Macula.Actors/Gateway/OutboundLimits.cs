namespace Macula.Actors.Gateway;

/// <summary>The bound of what waits to be written to one connection, all its streams together. All connections of a node
/// share one, so that memory pressure shrinks their queues together. Thread-safe.</summary>
/// <param name="maxFrames">Frames; at least 1.</param>
/// <param name="maxBytes">Bytes; at least one largest frame.</param>
/// <param name="policy">What happens beyond it.</param>
public sealed class OutboundLimits(int maxFrames, long maxBytes, SlowConsumerPolicy policy)
{
    private const int ShrunkTo = 4; // a quarter

    private volatile bool _isShrunk;

    /// <summary>Frames that may wait when memory is not short.</summary>
    public int MaxFrames { get; } = maxFrames;

    /// <summary>Bytes that may wait when memory is not short.</summary>
    public long MaxBytes { get; } = maxBytes;

    public SlowConsumerPolicy Policy { get; } = policy;

    /// <summary>Whether memory is so short that queues are a quarter. Set by the memory guard alone.</summary>
    public bool IsShrunk
    {
        get => _isShrunk;
        internal set => _isShrunk = value;
    }

    internal int FramesNow => _isShrunk ? Math.Max(1, MaxFrames / ShrunkTo) : MaxFrames;

    internal long BytesNow => _isShrunk ? MaxBytes / ShrunkTo : MaxBytes;
}
