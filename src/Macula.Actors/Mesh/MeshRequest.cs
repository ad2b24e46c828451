using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;

namespace Macula.Actors.Mesh;

internal enum MeshRequestKind
{
    Open,
    Exchange,
    Send,
}

/// <summary>One thing that was asked of the pool, until it is answered.</summary>
internal sealed class MeshRequest(
    MeshRequestKind kind, NodeId peer, PeerAddress address, IActorRef requester, MeshParty? party)
{
    public MeshRequestKind Kind { get; } = kind;

    public NodeId Peer { get; } = peer;

    public PeerAddress Address { get; } = address;

    public IActorRef Requester { get; } = requester;

    /// <summary>Null for what nobody waits for.</summary>
    public MeshParty? Party { get; } = party;

    /// <summary>Of an exchange, its sender's.</summary>
    public ulong Id { get; init; }

    public ReadOnlyMemory<byte> Frame { get; init; }

    /// <summary>The address is what a client has stored of somebody else.</summary>
    public bool IsHearsay { get; init; }

    /// <summary>The life of the pool that counts it. One whose stream has ended outlives a crash: its answer is on its way.
    /// </summary>
    public object? Owner { get; set; }

    public bool IsOver { get; set; }

    /// <summary>Whether it has had its fresh connection: there is no other for it.</summary>
    public bool HadFreshConnection { get; set; }

    /// <summary>Whether it counts as one that waits.</summary>
    public bool IsWaiting { get; set; }

    public DeadlineWheel<MeshRequest>.Deadline? Deadline { get; set; }

    /// <summary>Its place in the queue that it waits in, for a dial or for the pool to find its connections again.</summary>
    public LinkedListNode<MeshRequest>? Place { get; set; }

    /// <summary>The connection that it waits for a stream of, and what ends the wait.</summary>
    public MeshLink? OpeningOn { get; set; }

    /// <summary>Its place among those that wait for a stream of <see cref="OpeningOn"/>.</summary>
    public LinkedListNode<MeshRequest>? OpeningPlace { get; set; }

    public CancellationTokenSource? Opening { get; set; }

    /// <summary>The stream that it runs on.</summary>
    public MeshLease? Lease { get; set; }
}

/// <summary>An actor that uses the pool. Watched once, however often it asks.</summary>
internal sealed class MeshParty(IActorRef actor)
{
    private MeshLeases _leases = new(MeshLeases.Chain.Party);

    public IActorRef Actor { get; } = actor;

    /// <summary>Whether it is the end of an Ask, which ends with the answer.</summary>
    public bool IsAsk { get; } = actor.Path.Parent is { Name: "temp" };

    /// <summary>Pinned as often as something of it is under way.</summary>
    public LruMap<IActorRef, MeshParty>.Entry? Entry { get; set; }

    public ref MeshLeases Leases => ref _leases;

    public HashSet<MeshRequest> Requests { get; } = [];

    public Dictionary<ulong, MeshRequest> Exchanges { get; } = [];
}
