using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Transport;

namespace Macula.Actors.Mesh;

/// <summary>One open stream: its connection is in use until it has ended.</summary>
internal sealed class MeshLease
{
    private readonly LinkedListNode<MeshLease> _inLink;
    private readonly LinkedListNode<MeshLease> _inParty;

    public MeshLease(MeshLink link, IQuicStream stream, IActorRef requester)
    {
        (Link, Stream, Requester) = (link, stream, requester);
        (_inLink, _inParty) = (new LinkedListNode<MeshLease>(this), new LinkedListNode<MeshLease>(this));
    }

    public MeshLink Link { get; }

    public IQuicStream Stream { get; }

    public IActorRef Requester { get; }

    /// <summary>Who is to be asked whether it still lives; null when nobody is.</summary>
    public MeshParty? Party { get; private set; }

    /// <summary>The exchange that runs on it; null when whoever asked has the stream.</summary>
    public MeshRequest? Request { get; set; }

    public bool IsEnded { get; set; }

    public void EnterLink() => Link.Leases.AddLast(_inLink);

    /// <summary>False: it was not there.</summary>
    public bool LeaveLink()
    {
        if (_inLink.List is not { } leases) return false;
        leases.Remove(_inLink);
        return true;
    }

    public void EnterParty(MeshParty party)
    {
        Party = party;
        party.Leases.AddLast(_inParty);
    }

    public void LeaveParty()
    {
        Party = null;
        _inParty.List?.Remove(_inParty);
    }

    /// <summary>Tells when the stream has ended.</summary>
    public void Watch(EndedLeases ended)
    {
        var closed = Stream.Closed.ConfigureAwait(false).GetAwaiter();
        if (closed.IsCompleted) ended.Add(this);
        else closed.UnsafeOnCompleted(() => ended.Add(this));
    }
}

/// <summary>Streams that ended, on their way to the pool; one message for all that end until it is handled.</summary>
internal sealed class EndedLeases
{
    private readonly ConcurrentQueue<MeshLease> _ended = new(); // as many as streams are open, at most
    private IActorRef _pool = ActorRefs.Nobody;
    private int _told;

    /// <summary>Whom to tell; the same for all lives of the actor.</summary>
    public void Serve(IActorRef pool) => Volatile.Write(ref _pool, pool);

    public void Add(MeshLease lease)
    {
        _ended.Enqueue(lease);
        if (Interlocked.Exchange(ref _told, 1) == 0) Volatile.Read(ref _pool).Tell(Some.Instance, ActorRefs.NoSender);
    }

    public void Take(Action<MeshLease> end)
    {
        // First, so that one that comes after the last look is told of again.
        Volatile.Write(ref _told, 0);
        Interlocked.MemoryBarrier();
        while (_ended.TryDequeue(out var lease)) end(lease);
    }

    /// <summary>There are some.</summary>
    public sealed record Some : ILocal, IDeadLetterSuppression
    {
        public static readonly Some Instance = new();
    }
}
