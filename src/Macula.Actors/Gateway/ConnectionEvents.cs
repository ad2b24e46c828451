using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>What the loops of a connection tell its actor.</summary>
internal static class ConnectionEvents
{
    public sealed record StreamOpened(IQuicStream Stream) : IToConnection;

    /// <summary>The connection takes no more streams, because it has ended.</summary>
    public sealed record NoMoreStreams : IToConnection;

    /// <param name="Payload">Owned by the message.</param>
    public sealed record FrameArrived(
        StreamSession Session, FrameType Type, ReadOnlyMemory<byte> Payload, FrameLease Lease) : IToConnection
    {
        /// <summary>True when another actor returns the credit.</summary>
        public bool IsPassedOn { get; private set; }

        /// <summary>The credit, for the message that carries the frame on.</summary>
        public FrameLease PassOn()
        {
            IsPassedOn = true;
            return Lease;
        }
    }

    public sealed record FrameSkipped(FrameError Error) : IToConnection;

    /// <param name="Fault">Null at an orderly end or a reset.</param>
    /// <param name="IsReset">The peer gave the stream up.</param>
    public sealed record StreamEnded(StreamSession Session, FrameError? Fault, bool IsReset = false) : IToConnection;

    /// <summary>The writer is through with the stream.</summary>
    public sealed record StreamWritten(StreamWriter Writer) : IToConnection;

    /// <summary>More unfinished large frames at once than the connection may have.</summary>
    public sealed record AssemblyOverflow(StreamSession Session) : IToConnection;

    /// <summary>A queue of this connection is full and nothing in it may be dropped.</summary>
    public sealed record OutboundOverflow : IToConnection;

    public sealed record ConnectionEnded(QuicClosed Closed) : IToConnection;
}
