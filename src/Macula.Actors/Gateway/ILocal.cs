using Akka.Actor;

namespace Macula.Actors;

/// <summary>A message that carries live references and never leaves the node, hence is never serialized.</summary>
public interface ILocal : INoSerializationVerificationNeeded;
