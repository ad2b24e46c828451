using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Mesh;

/// <summary>What is said to a <c>MeshPoolActor</c>, and what it says.</summary>
public static class MeshProtocol
{
    /// <summary>A new stream to a peer, on the pooled connection or on a fresh one. Answered <see cref="StreamOpened"/>
    /// or <see cref="Refused"/>, always and once.</summary>
    /// <remarks>If the actor that asked ends, its streams are reset. A stream that was got by Ask outlives the Ask, and
    /// one that comes too late for it stays open with nobody to end it: actors tell.</remarks>
    /// <param name="Peer">What the pool is keyed by.</param>
    /// <param name="Address">Where the peer listens; another one than before replaces the connection.</param>
    public sealed record OpenStream(NodeId Peer, PeerAddress Address) : ILocal;

    /// <param name="Stream">Whoever asked owns it. The connection is leased until the stream has ended: it is not
    /// evicted before.</param>
    public sealed record StreamOpened(NodeId Peer, IQuicStream Stream) : ILocal;

    /// <param name="Message">A sentence for people.</param>
    public sealed record Refused(NodeId Peer, MeshRefusal Reason, string Message) : ILocal;

    /// <summary>One frame there, one frame back, on a stream of its own. Answered <see cref="Exchanged"/> or
    /// <see cref="ExchangeFailed"/> once, unless it is taken back by <see cref="Cancel"/>.</summary>
    /// <param name="Frame">A whole frame; not changed afterwards.</param>
    /// <param name="Timeout">For all of it, the dial included.</param>
    /// <param name="Id">Chosen by the sender, unique among its own; comes back with the answer.</param>
    /// <param name="IsHearsay">The address is what a client has stored of somebody else: it may take a quarter of the
    /// dials, together with others of the kind.</param>
    public sealed record Exchange(
        NodeId Peer, PeerAddress Address, ReadOnlyMemory<byte> Frame, TimeSpan Timeout, ulong Id, bool IsHearsay = false)
        : ILocal;

    /// <param name="Payload">Of the first frame that came back; owned by the message.</param>
    public sealed record Exchanged(ulong Id, NodeId Peer, FrameType Type, ReadOnlyMemory<byte> Payload) : ILocal;

    /// <param name="Message">A sentence for people.</param>
    /// <param name="Address">Where the peer was looked for; null when it was not.</param>
    public sealed record ExchangeFailed(
        ulong Id, NodeId Peer, MeshRefusal Reason, string Message, PeerAddress? Address = null) : ILocal;

    /// <summary>The sender no longer waits for its exchange: its stream is reset, which tells the peer. Nothing is
    /// answered.</summary>
    public sealed record Cancel(ulong Id) : ILocal;

    /// <summary>One frame there on a stream of its own, and nothing back. Not answered.</summary>
    public sealed record Send(NodeId Peer, PeerAddress Address, ReadOnlyMemory<byte> Frame) : ILocal;

    /// <summary>Closes the connection to a peer; those who wait for it are refused. Answered <see cref="Removed"/>, also
    /// when there is none.</summary>
    public sealed record Remove(NodeId Peer) : ILocal;

    public sealed record Removed(NodeId Peer) : ILocal;

    /// <summary>Answered <see cref="Found"/>.</summary>
    public sealed record Find(NodeId Peer) : ILocal;

    /// <param name="Info">Null when there is no connection.</param>
    public sealed record Found(NodeId Peer, PeerInfo? Info) : ILocal;

    /// <summary>Answered <see cref="Listed"/>.</summary>
    public sealed record List : ILocal
    {
        public static readonly List Instance = new();
    }

    public sealed record Listed(IReadOnlyList<PeerInfo> Peers) : ILocal;

    /// <param name="Leases">Streams that are open.</param>
    /// <param name="Idle">How long it has not been used.</param>
    public sealed record PeerInfo(NodeId Peer, PeerAddress Address, int Leases, TimeSpan Idle) : ILocal;

    /// <summary>Close all connections in order, refuse what comes, stop after the last. Watch for the end.</summary>
    public sealed record Shutdown : ILocal
    {
        public static readonly Shutdown Instance = new();
    }
}

/// <summary>Why there is no stream to a peer, or no answer on it.</summary>
public enum MeshRefusal
{
    /// <summary><c>pool_full</c>: as many connections and dials as there may be, all in use.</summary>
    PoolFull,

    /// <summary><c>too_many_waiters</c>: as many wait for this peer as may.</summary>
    TooManyWaiters,

    /// <summary><c>connect_failed</c>: the peer could not be reached, or is not whom it must be.</summary>
    ConnectFailed,

    /// <summary><c>stream_failed</c>: the connection gave no stream, or ended before the answer.</summary>
    StreamFailed,

    /// <summary><c>timeout</c>: no answer in time.</summary>
    Timeout,

    /// <summary><c>removed</c>: the peer was taken out of the pool meanwhile.</summary>
    Removed,

    /// <summary><c>shutting_down</c>.</summary>
    ShuttingDown,

    /// <summary><c>overloaded</c>: as many streams, exchanges or requesters as there may be, in all or for this peer.
    /// </summary>
    Overloaded,

    /// <summary><c>frame_too_large</c>: the peer would not take the frame.</summary>
    FrameTooLarge,

    /// <summary><c>internal_error</c>: the pool failed meanwhile; its connections stay, so try again.</summary>
    InternalError,
}

/// <summary>The text of each <see cref="MeshRefusal"/>.</summary>
public static class MeshRefusals
{
    /// <summary>The snake_case text, which does not change.</summary>
    public static string Text(this MeshRefusal reason) => reason switch
    {
        MeshRefusal.PoolFull => "pool_full",
        MeshRefusal.TooManyWaiters => "too_many_waiters",
        MeshRefusal.ConnectFailed => "connect_failed",
        MeshRefusal.StreamFailed => "stream_failed",
        MeshRefusal.Timeout => "timeout",
        MeshRefusal.Removed => "removed",
        MeshRefusal.ShuttingDown => "shutting_down",
        MeshRefusal.Overloaded => "overloaded",
        MeshRefusal.FrameTooLarge => "frame_too_large",
        _ => "internal_error",
    };
}
