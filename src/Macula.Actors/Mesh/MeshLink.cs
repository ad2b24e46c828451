using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Mesh;

/// <summary>One attempt to reach a peer, and the connection that came of it. Never used for another: what is said of an
/// old one cannot touch its successor.</summary>
/// <remarks>Belongs to the pool; the connection actor only holds it, so that a pool that lost its state finds it again.
/// </remarks>
internal sealed class MeshLink(long attempt, NodeId peer, PeerAddress address)
{
    private MeshLeases _leases = new(MeshLeases.Chain.Link);

    public long Attempt { get; } = attempt;

    public NodeId Peer { get; } = peer;

    public PeerAddress Address { get; } = address;

    public LinkState State { get; set; } = LinkState.Dialling;

    public IActorRef Actor { get; set; } = ActorRefs.Nobody;

    /// <summary>Set once it stands.</summary>
    public IQuicConnection? Connection { get; private set; }

    /// <summary>The connection's end; at hand, because every request looks at it.</summary>
    public Task? Closed { get; private set; }

    /// <summary>The life of the pool that counts it; a restarted one takes it over when it finds it again.</summary>
    public object? Owner { get; set; }

    /// <summary>Streams that are open or being opened.</summary>
    public int Uses { get; set; }

    /// <summary>Its place in the pool while it is there; pinned while the connection is in use.</summary>
    public LruMap<NodeId, MeshLink>.Entry? Entry { get; set; }

    /// <summary>The streams that are open.</summary>
    public ref MeshLeases Leases => ref _leases;

    /// <summary>The requests that wait for a stream of this connection, in the order in which they asked.</summary>
    public LinkedList<MeshRequest> Opening { get; } = [];

    /// <summary>When a retired one is closed at the latest.</summary>
    public DeadlineWheel<MeshLink>.Deadline? Grace { get; set; }

    public void Stands(IQuicConnection connection) => (Connection, Closed) = (connection, connection.Closed);
}

internal enum LinkState
{
    Dialling,

    /// <summary>The peer's connection.</summary>
    Pooled,

    /// <summary>Replaced by one to the peer's new address; serves what is open on it.</summary>
    Retired,

    /// <summary>Being closed in order.</summary>
    Closing,

    /// <summary>No longer in any table.</summary>
    Gone,
}

/// <summary>A dial, and who waits for it.</summary>
internal sealed class MeshDial(MeshLink link)
{
    public MeshLink Link { get; } = link;

    /// <summary>The address is what a client has stored of somebody else.</summary>
    public bool IsHearsay { get; init; }

    public LinkedList<MeshRequest> Waiters { get; } = [];

    public DeadlineWheel<MeshDial>.Deadline? Deadline { get; set; }
}
