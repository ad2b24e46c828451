using Akka.Actor;
using Akka.Event;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>What is said to an <see cref="RpcActor"/>, and what it says.</summary>
public static class RpcProtocol
{
    /// <summary>A CALL of a peer. Exactly one REPLY goes to <paramref name="Caller"/>, unless that ends first.</summary>
    public sealed record Call(IFrameSink Caller, CallMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>A REPLY of a provider. Late and unknown ones are counted and dropped.</summary>
    public sealed record Reply(IFrameSink Provider, ReplyMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>The caller no longer waits: nothing is answered, and the provider is told.</summary>
    public sealed record Cancel(IFrameSink Caller, CallId Call, FrameLease Lease) : ILocal, ILeased;

    /// <summary>An RPC_ROUTE of a peer: delivered here, passed on, or answered with an error. The answer to a call goes
    /// to <paramref name="From"/>, in an RPC_ROUTE too.</summary>
    public sealed record Route(IFrameSink From, RpcRouteMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>The stream has ended: nobody waits any more for calls that came on it, and those that were sent to a
    /// provider on it get no reply. The end of its connection is watched.</summary>
    public sealed record StreamEnded(IFrameSink Stream) : ILocal;

    /// <summary>A call of an actor of this node, which is its sender. Answered <see cref="CallEnded"/> exactly once,
    /// unless the sender ends first: then nobody waits, and the provider is told.</summary>
    /// <param name="Args">JSON by custom; not changed afterwards.</param>
    /// <param name="Timeout">At most max-call-timeout; null for call-timeout.</param>
    /// <param name="Id">Comes back with the answer.</param>
    public sealed record CallLocal(
        string Procedure, ReadOnlyMemory<byte> Args, TimeSpan? Timeout = null, ulong Id = 0) : ILocal;

    /// <summary>The end of a <see cref="CallLocal"/>. Whoever no longer waits is no dead letter to report.</summary>
    /// <param name="Result">JSON by custom; empty when there is a code.</param>
    /// <param name="Code">Null, or what went wrong (docs/wire.md); providers may have codes of their own.</param>
    /// <param name="Message">A sentence for people, or null.</param>
    public sealed record CallEnded(
        ulong Id, ReadOnlyMemory<byte> Result, string? Code, string? Message) : ILocal, IDeadLetterSuppression;

    /// <summary>Makes an actor of this node the provider of a procedure, in place of any other. Answered
    /// <see cref="Registered"/> or <see cref="RegisterRefused"/>. It gets <see cref="Invoke"/>; its end takes the
    /// procedure back.</summary>
    public sealed record Register(string Procedure, IActorRef Handler) : ILocal;

    public sealed record Registered(string Procedure) : ILocal;

    /// <param name="Code"><c>overloaded</c>: there are max-handlers procedures; or <c>invalid_request</c>: the name is
    /// longer than max-procedure-length.</param>
    /// <param name="Message">A sentence for people.</param>
    public sealed record RegisterRefused(string Procedure, string Code, string Message) : ILocal;

    /// <summary>Told to a handler, which answers the sender with <see cref="Succeed"/> or <see cref="Fail"/> of this
    /// very message, once. No answer by the deadline is a <c>timeout</c> for the caller.</summary>
    /// <param name="Args">JSON by custom; valid for as long as anyone holds it.</param>
    public sealed record Invoke(string Procedure, ReadOnlyMemory<byte> Args, ulong Id) : ILocal
    {
        /// <param name="result">JSON by custom.</param>
        public Completed Succeed(ReadOnlyMemory<byte> result) => new(Id, result, null, null);

        /// <param name="code">Stable snake_case text.</param>
        /// <param name="message">A sentence for people.</param>
        public Completed Fail(string code, string message) => new(Id, default, code, message);
    }

    public sealed record Completed(
        ulong Id, ReadOnlyMemory<byte> Result, string? Code, string? Message) : ILocal;
}
