using System.Net;

namespace Macula.Actors.Gateway;

/// <summary>What is said between a <see cref="GatewayActor"/> and its <see cref="QuicListenerActor"/>s.</summary>
public static class ListenerProtocol
{
    /// <summary>Told to the parent when the port is bound.</summary>
    public sealed record Bound(IPEndPoint EndPoint) : ILocal;

    /// <summary>Told to the parent when the port cannot be bound; the listener then stops.</summary>
    public sealed record NotBound(Exception Cause) : ILocal;

    /// <summary>Close all connections that there are, and go on accepting.</summary>
    public sealed record CloseAll(ConnectionProtocol.Close Why) : ILocal;

    /// <summary>Accept nobody more, send all away, stop after the last.</summary>
    public sealed record Shutdown : ILocal
    {
        public static readonly Shutdown Instance = new();
    }
}
