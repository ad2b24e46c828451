using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>How a <see cref="ClientConnectionActor"/> is made. It lives as long as the actor; with a producer, a closure and
/// a deployment of its own, as Akka's other ways have it, it would take three times as much.</summary>
internal sealed class ConnectionProps(IQuicConnection connection, ConnectionEnvironment environment, Deploy deploy)
    : Props(deploy, typeof(ClientConnectionActor))
{
    /// <summary>The deployment that all connections have.</summary>
    public static readonly Deploy Shared = Deploy.None.WithMailbox(ConnectionMailbox.Id);

    [SuppressMessage("Akka", "AK1000", Justification = "These are the props, and ActorOf calls this.")]
    public override ActorBase NewActor() => new ClientConnectionActor(connection, environment);

    protected override Props Copy() =>
        new ConnectionProps(connection, environment, Deploy) { SupervisorStrategy = SupervisorStrategy };
}
