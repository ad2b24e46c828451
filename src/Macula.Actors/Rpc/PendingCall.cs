using System.Buffers;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;

namespace Macula.Actors.Rpc;

/// <summary>A call that waits: for its providers to be found, then for the reply of one.</summary>
/// <remarks>It is in a lookup, or at one provider, or on its way to another node; never in two of these.</remarks>
internal sealed class PendingCall
{
    private int _firstTried = -1;
    private List<int>? _tried; // made for the second attempt: most calls need one

    /// <param name="callId">As the caller knows it.</param>
    /// <param name="stream">Where the answer goes, or null when an actor of this node calls.</param>
    public PendingCall(ulong id, CallId callId, IFrameSink? stream, IActorRef caller)
    {
        (Id, CallId, Stream, Caller) = (id, callId, stream, caller);
        (CallerNode, WhereNode) = (new(this), new(this));
    }

    /// <summary>Unique in this run of the node; a part of what the provider sees as call id.</summary>
    public ulong Id { get; }

    public CallId CallId { get; }

    public IFrameSink? Stream { get; }

    /// <summary>The connection of <see cref="Stream"/>, or the actor that calls.</summary>
    public IActorRef Caller { get; }

    /// <summary>What an actor of this node knows the call by.</summary>
    public ulong Tag { get; init; }

    /// <summary>Whose RPC_ROUTE the call came in, or default.</summary>
    public NodeId RoutedFrom { get; init; }

    /// <summary>The other node that an RPC_ROUTE is for, or default: whoever provides the procedure.</summary>
    public NodeId Destination { get; init; }

    /// <summary>Kept for as long as another attempt is possible: the CALL as a provider gets it, or the RPC_ROUTE as it
    /// came. Empty when an actor of this node runs the call.</summary>
    public ReadOnlyMemory<byte> Frame { get; set; }

    /// <summary>What it counts for against max-pending-bytes.</summary>
    public int Bytes { get; set; }

    /// <summary>The procedure of a handler; else it is in <see cref="Frame"/>.</summary>
    public Utf8Text HandledProcedure { get; set; }

    /// <summary>When the caller stops waiting, in scheduler time.</summary>
    public TimeSpan Due { get; set; }

    /// <summary>In milliseconds, as <see cref="Frame"/> has it.</summary>
    public int Timeout { get; set; }

    public DeadlineWheel<PendingCall>.Deadline? Deadline { get; set; }

    public Lookup? Lookup { get; set; }

    /// <summary>Whom it may go to; the first <see cref="CandidateCount"/> of them.</summary>
    public IReadOnlyList<RegistryProtocol.Provider> Candidates { get; set; } = [];

    public int CandidateCount { get; set; }

    public long Turn { get; set; }

    public int Attempts { get; private set; }

    /// <summary>Why the last attempt failed, or null.</summary>
    public (string Code, string Message)? Failure { get; private set; }

    /// <summary>Whose stream or actor has it, or null.</summary>
    public Place? At { get; set; }

    /// <summary>The exchange with a peer that it waits for, or 0.</summary>
    public ulong Exchange { get; set; }

    /// <summary>The peer of <see cref="Exchange"/>.</summary>
    public NodeId Peer { get; set; }

    /// <summary>The place of the caller, while it is in the table.</summary>
    public Place? From { get; set; }

    /// <summary>Its link among the calls of its caller.</summary>
    public LinkedListNode<PendingCall> CallerNode { get; }

    /// <summary>Its link among the calls of a lookup, or of a provider.</summary>
    public LinkedListNode<PendingCall> WhereNode { get; }

    public Utf8Text Procedure => Frame.IsEmpty ? HandledProcedure : Message().Procedure;

    private ReadOnlySequence<byte> Payload => new(Frame[Protocol.Frame.HeaderLength..]);

    /// <summary>The RPC_ROUTE that came for another node.</summary>
    public RpcRouteMessage Route()
    {
        RpcRouteMessage.TryDecode(Payload, out var route, out _);
        return route;
    }

    /// <summary>The CALL in <see cref="Frame"/>.</summary>
    public CallMessage Message()
    {
        var payload = Destination.IsEmpty ? Payload : Route().Payload.AsPayload();
        CallMessage.TryDecode(payload, out var message, out _);
        return message;
    }

    /// <summary>Notes an attempt at a candidate.</summary>
    public void Try(int candidate)
    {
        if (Attempts++ == 0)
        {
            _firstTried = candidate;
            return;
        }

        (_tried ??= [_firstTried]).Add(candidate);
    }

    public bool WasTried(int candidate) => candidate == _firstTried || _tried?.Contains(candidate) == true;

    /// <summary>Notes why an attempt failed. That a provider may have run the call outweighs all else.</summary>
    public void Failed(string code, string message)
    {
        if (Failure?.Code is not (ReplyErrorCodes.ProviderGone or ReplyErrorCodes.InternalError)) Failure = (code, message);
    }
}
