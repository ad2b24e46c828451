using System.Net;

namespace Macula.Actors.Gateway;

/// <summary>What is said to a <see cref="GatewayActor"/>, and what it says.</summary>
public static class GatewayProtocol
{
    /// <summary>Answered <see cref="Ready"/> once every listener is bound, or with a Status.Failure that says which
    /// could not be.</summary>
    public sealed record GetReady : ILocal
    {
        public static readonly GetReady Instance = new();
    }

    public sealed record Ready(IReadOnlyList<IPEndPoint> Listening) : ILocal;

    /// <summary>Told by a concern that has failed and starts anew, without what it knew of the connections. All are
    /// closed, so that clients come back and say it again: nobody is left with half a session.</summary>
    public sealed record StateLost(string Concern) : ILocal;

    /// <summary>Admit nobody more, tell all clients, close their connections, stop. Watch for the end.</summary>
    public sealed record Shutdown : ILocal
    {
        public static readonly Shutdown Instance = new();
    }
}
