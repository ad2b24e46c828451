using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>What one connection or actor has to do with calls. It is watched while it is in the table.</summary>
internal sealed class Party
{
    public Party(IActorRef actor)
    {
        Actor = actor;
        (Own, Idle) = (new Place(this, null), new(this));
    }

    public IActorRef Actor { get; }

    /// <summary>The place of an actor, which has no streams.</summary>
    public Place Own { get; }

    /// <summary>The streams of a connection that have calls, and at most one that had.</summary>
    public LinkedList<Place> Streams { get; } = [];

    /// <summary>A stream without calls that is kept for the next one.</summary>
    public Place? Spare { get; set; }

    /// <summary>Calls that it made and calls that it runs.</summary>
    public int Calls { get; set; }

    public int Called { get; set; }

    /// <summary>What the calls that it made count for.</summary>
    public long CalledBytes { get; set; }

    /// <summary>What it called, by its own ids; the newest, when it used one twice.</summary>
    public Dictionary<CallId, PendingCall> ByCallId { get; } = [];

    /// <summary>Its link among those without calls.</summary>
    public LinkedListNode<Party> Idle { get; }

    public TimeSpan IdleSince { get; set; }

    /// <summary>False for the one that a handler has to itself, and when it has ended.</summary>
    public bool IsListed { get; set; }
}

/// <summary>One stream of a connection, or an actor: the calls that came from there, and that went there.</summary>
internal sealed class Place
{
    public Place(Party party, IFrameSink? stream)
    {
        (Party, Stream) = (party, stream);
        Node = new(this);
    }

    public Party Party { get; }

    public IFrameSink? Stream { get; }

    public LinkedList<PendingCall> Called { get; } = [];

    public LinkedList<PendingCall> Running { get; } = [];

    public LinkedListNode<Place> Node { get; }

    public bool IsEmpty => Called.Count == 0 && Running.Count == 0;
}
