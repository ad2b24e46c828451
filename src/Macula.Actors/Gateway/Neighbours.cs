using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>The actors that a connection brings frames to; probes in a spec.</summary>
public sealed record Neighbours(IActorRef Clients, IActorRef PubSub, IActorRef Registry, IActorRef Rpc, IActorRef Mesh);
