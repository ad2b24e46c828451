using Akka.Actor;
using Macula.Actors.Protocol;

namespace Macula.Actors.Gateway;

/// <summary>What is said to a <see cref="ClientConnectionActor"/> by the rest of the node.</summary>
public static class ConnectionProtocol
{
    /// <summary>Tell the peer why, then close. The actor stops when the connection has ended.</summary>
    /// <param name="Message">A sentence for people.</param>
    /// <param name="RetryAfter">When to come again; zero when that would not help.</param>
    public sealed record Close(
        DisconnectReason Reason, string Message, TimeSpan RetryAfter = default) : IToConnection;

    /// <summary>Tell a concern that has restarted what it must know of this connection, then answer
    /// <see cref="ListenerProtocol.Announced"/>.</summary>
    public sealed record Announce(IActorRef Concern, long Round) : IToConnection;

    /// <summary>The bound of the outbound queues has shrunk: drop what is above it and may be dropped. For peers to which
    /// nothing more is sent; the others drop it with the next frame.</summary>
    public sealed record TrimQueues : IToConnection
    {
        public static readonly TrimQueues Instance = new();
    }
}
