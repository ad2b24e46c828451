using System.Net;
using Akka.Actor;

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

    /// <param name="Concerns">The node's own actors, for those that others add; the references outlive restarts.</param>
    public sealed record Ready(IReadOnlyList<IPEndPoint> Listening, Neighbours Concerns) : ILocal;

    /// <summary>Told by a concern that has failed and starts anew, empty: every connection is asked to announce itself to
    /// it again, then it is told <see cref="Recovered"/>.</summary>
    public sealed record Restarted : ILocal
    {
        public static readonly Restarted Instance = new();
    }

    /// <summary>Told to a concern that has restarted: every connection has announced itself.</summary>
    public sealed record Recovered : ILocal
    {
        public static readonly Recovered Instance = new();
    }

    /// <summary>Told by the calls' concern when an actor of this node provides a procedure; it is told so again after a
    /// restart.</summary>
    public sealed record Provided(string Procedure, IActorRef Handler) : ILocal;

    /// <summary>Admit nobody more, tell all clients, close their connections, stop. Watch for the end.</summary>
    /// <param name="DrainWithin">For so long clients are told a batch at a time; whoever is left then is told at
    /// once.</param>
    public sealed record Shutdown(TimeSpan DrainWithin) : ILocal
    {
        /// <summary>All are told at once.</summary>
        public static readonly Shutdown Instance = new(TimeSpan.Zero);
    }
}
