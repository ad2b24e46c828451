namespace Macula.Actors.Client.Internal;

/// <summary>What a client counts over all its sessions. Safe for concurrent use.</summary>
internal sealed class Counters
{
    public long Connections;
    public long FramesSent;
    public long FramesLost;
    public long FramesReceived;
    public long FramesSkipped;
    public long MessagesDropped;
    public long LateReplies;
    public long CallsRefused;
    public int PendingCalls;
    public int PendingConfirmations;

    public MaculaClientStatistics Read() => new()
    {
        Connections = Interlocked.Read(ref Connections),
        FramesSent = Interlocked.Read(ref FramesSent),
        FramesLost = Interlocked.Read(ref FramesLost),
        FramesReceived = Interlocked.Read(ref FramesReceived),
        FramesSkipped = Interlocked.Read(ref FramesSkipped),
        MessagesDropped = Interlocked.Read(ref MessagesDropped),
        LateReplies = Interlocked.Read(ref LateReplies),
        CallsRefused = Interlocked.Read(ref CallsRefused),
        PendingCalls = Volatile.Read(ref PendingCalls),
    };
}
