using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>What is said to an <see cref="RpcActor"/>, and what it says.</summary>
public static class RpcProtocol
{
    /// <summary>A CALL of a peer. Exactly one REPLY goes to <paramref name="Caller"/>, unless that ends first.</summary>
    /// <param name="RoutedFrom">The source of the RPC_ROUTE that the call came in; default when it came by itself.
    /// Then the REPLY goes out in an RPC_ROUTE too.</param>
    public sealed record Call(
        IFrameSink Caller, CallMessage Message, FrameLease Lease, NodeId RoutedFrom = default) : ILocal, ILeased;

    /// <summary>A REPLY of a provider. Late and unknown ones are counted and dropped.</summary>
    public sealed record Reply(IFrameSink Provider, ReplyMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>The caller no longer waits: nothing is answered, and the provider is told.</summary>
    public sealed record Cancel(IFrameSink Caller, CallId Call, FrameLease Lease) : ILocal, ILeased;

    /// <summary>An RPC_ROUTE of a peer: delivered here, passed on, or answered with an error.</summary>
    public sealed record Route(IFrameSink From, RpcRouteMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>The stream has ended: calls that were sent to a provider on it get no reply any more. The end of its
    /// connection is watched.</summary>
    public sealed record StreamEnded(IFrameSink Stream) : ILocal;

    /// <summary>Makes an actor of this node the provider of a procedure, in place of any other. Answered
    /// <see cref="Registered"/>. It gets <see cref="Invoke"/>; its end takes the procedure back.</summary>
    public sealed record Register(string Procedure, IActorRef Handler) : ILocal;

    public sealed record Registered(string Procedure) : ILocal;

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
