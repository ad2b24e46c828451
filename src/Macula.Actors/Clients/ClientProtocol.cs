using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Clients;

/// <summary>What is said to a <see cref="ClientManagerActor"/>, and what it says.</summary>
public static class ClientProtocol
{
    /// <summary>Told by a connection whose peer sent CONNECT; again when it sends another, which updates what is known
    /// of it. Answered <see cref="Admitted"/> or <see cref="Refused"/>.</summary>
    /// <param name="Stream">Where frames for this node go; its connection is the client.</param>
    public sealed record Connect(ClientInfo Client, IFrameSink Stream) : ILocal;

    /// <summary>Told by a connection whose client was admitted, to a manager that has restarted. Answered
    /// <see cref="Refused"/> or nothing.</summary>
    public sealed record Resume(ClientInfo Client, IFrameSink Stream) : ILocal;

    public sealed record Admitted(NodeId Node) : IToConnection;

    /// <param name="RetryAfter">When to try again; zero when that would not help.</param>
    public sealed record Refused(NodeId Node, DisconnectReason Reason, TimeSpan RetryAfter) : IToConnection;

    /// <summary>Sends a frame to a node on its stream. When it is not connected, the answer is
    /// <see cref="NotConnected"/>, else nothing.</summary>
    /// <param name="From">The stream that waits for an answer, which is settled when the frame was sent; or null.</param>
    /// <param name="Tag">Comes back with the answer.</param>
    public sealed record Deliver(
        NodeId Node, ReadOnlyMemory<byte> Frame, IFrameSink? From, object Tag, FrameLease Lease) : ILocal, ILeased;

    public sealed record NotConnected(NodeId Node, object Tag, FrameLease Lease) : ILocal, ILeased;

    /// <summary>Told to a connection whose node has come back on a newer one.</summary>
    public sealed record Superseded : IToConnection
    {
        public static readonly Superseded Instance = new();
    }

    /// <summary>From now on refuse all with <c>shutting_down</c>.</summary>
    public sealed record Drain : ILocal
    {
        public static readonly Drain Instance = new();
    }
}
