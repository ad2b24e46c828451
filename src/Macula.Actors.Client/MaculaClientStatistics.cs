namespace Macula.Actors.Client;

/// <summary>Counts of one client since it was made.</summary>
public sealed record MaculaClientStatistics
{
    /// <summary>Connections that the gateway accepted.</summary>
    public long Connections { get; init; }

    /// <summary>Frames handed to the transport.</summary>
    public long FramesSent { get; init; }

    /// <summary>Frames that were queued when their connection ended, and went with it.</summary>
    public long FramesLost { get; init; }

    /// <summary>Frames that came in, skipped ones included.</summary>
    public long FramesReceived { get; init; }

    /// <summary>Frames that came in and were of no known type or use, or could not be decoded.
    /// </summary>
    public long FramesSkipped { get; init; }

    /// <summary>Messages dropped because a subscription's buffer was full.</summary>
    public long MessagesDropped { get; init; }

    /// <summary>Replies to calls that nobody waits for any more.</summary>
    public long LateReplies { get; init; }

    /// <summary>Incoming calls answered <c>overloaded</c>.</summary>
    public long CallsRefused { get; init; }

    /// <summary>Calls that wait for their reply now.</summary>
    public int PendingCalls { get; init; }
}
