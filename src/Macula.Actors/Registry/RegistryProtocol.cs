using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;

namespace Macula.Actors.Registry;

/// <summary>What is said to a <see cref="RegistryActor"/>, and what it says.</summary>
public static class RegistryProtocol
{
    /// <summary>A client was admitted: FIND_NODE may name it until its connection ends.</summary>
    /// <param name="Session">As the client manager numbered it: what an earlier session says late changes nothing.</param>
    public sealed record NodeSeen(
        IFrameSink Stream, NodeId Node, string Address, string Endpoint, FrameLease Lease, long Session = 0)
        : ILocal, ILeased;

    /// <summary>STORE: puts or renews records under a key; a ttl of 0 withdraws. Answered to the stream's connection, and
    /// only when records were refused: <see cref="NotStored"/>.</summary>
    /// <param name="Sender">The client that sent it, or default for a mesh peer, whose records outlive its
    /// connection.</param>
    public sealed record Store(
        IFrameSink Stream, NodeId Sender, DhtKey Key, IReadOnlyList<StoredRecord> Records, FrameLease Lease)
        : ILocal, ILeased;

    /// <param name="Value">The record as it came, which is how it is handed out; owned, no slice of a frame.</param>
    /// <param name="At">When it came, in scheduler time: its lease counts from there.</param>
    public sealed record StoredRecord(ServiceRecord Record, RawValue Value, TimeSpan At);

    /// <summary>Told to a connection when records that it asked for were refused, their lease is over, another connection
    /// has taken or withdrawn them, or they gave way.</summary>
    public sealed record NotStored(IReadOnlyList<(DhtKey Key, StoredRecord Record)> Records) : IToConnection;

    /// <summary>What a client is and has stored, told to an actor that has restarted.</summary>
    public sealed record Resume(
        IFrameSink Stream, NodeId Node, string Address, string Endpoint,
        IReadOnlyList<(IFrameSink Stream, DhtKey Key, StoredRecord Record)> Records, long Session = 0) : ILocal;

    /// <summary>FIND_VALUE: answered on the stream with FIND_VALUE_REPLY.</summary>
    public sealed record FindValue(IFrameSink Stream, FindValueMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>FIND_NODE: answered on the stream with FIND_NODE_REPLY.</summary>
    public sealed record FindNode(IFrameSink Stream, FindNodeMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>Who provides a procedure? Answered <see cref="Providers"/>.</summary>
    /// <param name="Id">Comes back with the answer.</param>
    public sealed record FindProviders(DhtKey Key, ulong Id, FrameLease Lease = default) : ILocal, ILeased;

    /// <param name="Live">Never changed after it was sent; this node's clients first, the longest advertised first; then
    /// those on other nodes, stored here or learned.</param>
    /// <param name="Turn">How often the service was asked for before.</param>
    /// <param name="Ask">Peers that may know when nobody is live here, the closest to the key first, at most 3.</param>
    public sealed record Providers(
        ulong Id, IReadOnlyList<Provider> Live, long Turn, IReadOnlyList<Peer> Ask) : ILocal;

    /// <summary>A provider that can be called: on a stream of this node, or through a peer. Exactly one of the two is
    /// set.</summary>
    /// <param name="Stream">Where CALL frames for it go.</param>
    /// <param name="Peer">Where an RPC_ROUTE for <paramref name="Node"/> goes.</param>
    public sealed record Provider(NodeId Node, IFrameSink? Stream, Peer? Peer = null);

    /// <summary>Another node, and where it listens.</summary>
    public sealed record Peer(NodeId Node, PeerAddress Address);

    /// <summary>What peers answered to FIND_VALUE: kept for cache-ttl, unless it is empty. Not answered.</summary>
    /// <param name="Providers">Those without a peer are left out.</param>
    /// <param name="Ttl">The shortest that the records themselves say, where that is less than cache-ttl; 0: not said.
    /// </param>
    public sealed record Learned(DhtKey Key, IReadOnlyList<Provider> Providers, TimeSpan Ttl = default) : ILocal;

    /// <summary>To whom does an RPC_ROUTE go that is for nobody here? Answered <see cref="NextHops"/>.</summary>
    /// <param name="From">Whom it came from, or default: it never goes back there.</param>
    public sealed record FindNextHops(NodeId Destination, NodeId From, ulong Id) : ILocal;

    /// <param name="Peers">Closer to the destination than this node, the closest first, at most 3.</param>
    public sealed record NextHops(ulong Id, IReadOnlyList<Peer> Peers) : ILocal;

    /// <summary>A peer could not be reached: it is known no longer, unless at another address. Not answered.</summary>
    public sealed record PeerFailed(Peer Peer) : ILocal;

    /// <summary>The pool through which peers are asked for others; told by the gateway at the start, and again when
    /// either of the two has restarted. Not answered.</summary>
    public sealed record UseMesh(IActorRef Mesh) : ILocal;

    /// <summary>The stream has ended: what was advertised on it goes. The end of its connection is watched.</summary>
    public sealed record StreamEnded(IFrameSink Stream) : ILocal;
}
