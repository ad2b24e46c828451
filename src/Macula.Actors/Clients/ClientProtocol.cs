using Akka.Actor;
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

    /// <param name="Session">Of two admissions of one node the later has the larger number, also after a restart: what
    /// an earlier session says late is known by it.</param>
    public sealed record Admitted(NodeId Node, long Session = 0) : IToConnection;

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

    /// <summary>Who is connected as this node? Answered <see cref="Found"/>.</summary>
    public sealed record Find(NodeId Node) : ILocal;

    /// <summary>Which client is this connection, and is it one still? Answered <see cref="Found"/>.</summary>
    public sealed record FindConnection(IActorRef Connection) : ILocal;

    /// <param name="Client">Null when it is not connected; a client is here exactly as long as its connection
    /// lives.</param>
    /// <param name="Stream">Where frames for it go; null together with the client.</param>
    public sealed record Found(ClientInfo? Client, IFrameSink? Stream) : ILocal;

    /// <summary>A page of all clients, the newest first. Answered <see cref="Listed"/>.</summary>
    /// <param name="Count">How many, 1 to macula.clients.max-list-page; more are not told at once.</param>
    /// <param name="Before">For the first page anything as large as int.MaxValue, then what the last answer says.</param>
    public sealed record List(int Count, int Before = int.MaxValue) : ILocal;

    /// <summary>Whoever is connected from the first page to the last is on one of them; when others leave meanwhile, a
    /// client may be on two.</summary>
    /// <param name="Before">Where the next page begins; 0 after the last.</param>
    /// <param name="Total">Clients in all.</param>
    public sealed record Listed(IReadOnlyList<ClientInfo> Clients, int Before, int Total) : ILocal;

    /// <summary>From now on refuse all with <c>draining</c>, and tell those inside to go, drain-batch of them at once and
    /// again each drain-interval. Answered <see cref="Drained"/> when all were told.</summary>
    public sealed record Drain : ILocal
    {
        public static readonly Drain Instance = new();
    }

    public sealed record Drained : ILocal
    {
        public static readonly Drained Instance = new();
    }
}
