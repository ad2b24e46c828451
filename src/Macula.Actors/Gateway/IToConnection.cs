using Akka.Event;

namespace Macula.Actors.Gateway;

/// <summary>A message to a connection actor, which may have ended meanwhile: that is no dead letter to report.</summary>
public interface IToConnection : ILocal, IDeadLetterSuppression;
