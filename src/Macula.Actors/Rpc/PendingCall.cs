using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>A call that waits: for its providers to be found, then for the reply of one.</summary>
internal sealed class PendingCall(ulong id, IFrameSink caller, CallMessage message, NodeId routedFrom)
{
    /// <summary>Unique in this run of the node; what the provider sees as call id.</summary>
    public ulong Id { get; } = id;

    public IFrameSink Caller { get; } = caller;

    /// <summary>The call as it came; its arguments are let go once they were sent on.</summary>
    public CallMessage Message { get; set; } = message;

    /// <summary>Keeps the name and the id, and lets go of the frame that the call came in.</summary>
    public void LetFrameGo() =>
        Message = Message with { Procedure = Message.Procedure.ToOwned(), Args = default, Realm = null };

    /// <summary>Whose RPC_ROUTE the call came in, or default.</summary>
    public NodeId RoutedFrom { get; } = routedFrom;

    /// <summary>The actor to watch: the provider's connection, or the handler; null until one was chosen.</summary>
    public IActorRef? Provider { get; set; }

    /// <summary>Where CANCEL goes; null when an actor of this node runs the call.</summary>
    public IFrameSink? ProviderStream { get; set; }

    public DeadlineWheel<PendingCall>.Deadline? Deadline { get; set; }

    /// <summary>When the caller stops waiting, in scheduler time.</summary>
    public TimeSpan Due { get; set; }
}
