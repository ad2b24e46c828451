namespace Macula.Actors.Load.Neighbours;

/// <summary>What a NATS server sends.</summary>
internal enum NatsKind
{
    Info,
    Ok,
    Error,
    Ping,
    Pong,
    Message,
}
