using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Transport;

namespace Macula.Actors.Mesh;

/// <summary>One open stream: its connection is in use until it has ended.</summary>
/// <remarks>A link of two chains, that of its connection and that of whoever asked: one of these is made for every
/// stream, and nodes of its own for each list would be most of it.</remarks>
internal sealed class MeshLease(MeshLink link, IQuicStream stream, IActorRef requester)
{
    private MeshLeases.Place _inLink;
    private MeshLeases.Place _inParty;
    private EndedLeases? _ended;

    public MeshLink Link { get; } = link;

    public IQuicStream Stream { get; } = stream;

    public IActorRef Requester { get; } = requester;

    /// <summary>Who is to be asked whether it still lives; null when nobody is.</summary>
    public MeshParty? Party { get; private set; }

    /// <summary>The exchange that runs on it; null when whoever asked has the stream.</summary>
    public MeshRequest? Request { get; set; }

    public bool IsEnded { get; set; }

    public void EnterLink() => Link.Leases.Add(this);

    /// <summary>False: it was not there.</summary>
    public bool LeaveLink() => Link.Leases.Remove(this);

    public void EnterParty(MeshParty party)
    {
        Party = party;
        party.Leases.Add(this);
    }

    public void LeaveParty()
    {
        Party?.Leases.Remove(this);
        Party = null;
    }

    /// <summary>Tells when the stream has ended.</summary>
    public void Watch(EndedLeases ended)
    {
        _ended = ended;
        var closed = Stream.Closed.ConfigureAwait(false).GetAwaiter();
        if (closed.IsCompleted) ended.Add(this);
        else closed.UnsafeOnCompleted(OnClosed);
    }

    internal ref MeshLeases.Place PlaceIn(MeshLeases.Chain chain) =>
        ref chain == MeshLeases.Chain.Link ? ref _inLink : ref _inParty;

    private void OnClosed() => _ended!.Add(this);
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
