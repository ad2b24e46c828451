using Akka.Actor;
using Macula.Actors.Transport;

namespace Macula.Actors.Mesh;

/// <summary>What a <see cref="MeshPoolActor"/> and its <see cref="MeshConnectionActor"/>s say to each other.</summary>
internal static class MeshConnectionProtocol
{
    /// <summary>Told to the pool: the connection stands. It belongs to the actor that tells; the pool opens streams on
    /// it.</summary>
    /// <param name="Link">What the actor was made for: the attempt that this answers.</param>
    public sealed record Up(MeshLink Link, IQuicConnection Connection) : ILocal;

    /// <summary>Told to the pool: there is no connection, and the actor stops.</summary>
    /// <param name="Outcome">In snake_case, for the metric.</param>
    public sealed record Failed(MeshLink Link, string Outcome, string Message) : ILocal;

    /// <summary>Told to a connection: close in order and stop.</summary>
    public sealed record Close(long ErrorCode, string Reason) : ILocal;

    /// <summary>Asked by a pool that has lost its state. Answered <see cref="Identified"/>.</summary>
    public sealed record Identify : ILocal
    {
        public static readonly Identify Instance = new();
    }

    /// <param name="Connection">Null while it is being made.</param>
    public sealed record Identified(IActorRef Actor, MeshLink Link, IQuicConnection? Connection, bool IsClosing) : ILocal;
}
