using System.Net;
using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>What is said between a <see cref="GatewayActor"/> and its <see cref="QuicListenerActor"/>s.</summary>
public static class ListenerProtocol
{
    /// <summary>Told to the parent when the port is bound.</summary>
    public sealed record Bound(IPEndPoint EndPoint) : ILocal;

    /// <summary>Told to the parent when the port cannot be bound; the listener then stops.</summary>
    public sealed record NotBound(Exception Cause) : ILocal;

    /// <summary>Have every connection announce itself to a concern that has restarted. Answered
    /// <see cref="Announced"/> when all have, those that ended meanwhile aside.</summary>
    /// <param name="Round">Comes back with the answer; a later one takes the place of an earlier one.</param>
    public sealed record Announce(IActorRef Concern, long Round) : ILocal;

    public sealed record Announced(IActorRef Concern, long Round) : ILocal;

    /// <summary>Accept nobody more, send all away, stop after the last.</summary>
    public sealed record Shutdown : ILocal
    {
        public static readonly Shutdown Instance = new();
    }
}
