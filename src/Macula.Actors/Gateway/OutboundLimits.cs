namespace Macula.Actors.Gateway;

/// <summary>The bound of what waits to be written to one connection, all its streams together.</summary>
/// <param name="MaxFrames">Frames; at least 1.</param>
/// <param name="MaxBytes">Bytes; at least one largest frame.</param>
/// <param name="Policy">What happens beyond it.</param>
public sealed record OutboundLimits(int MaxFrames, long MaxBytes, SlowConsumerPolicy Policy);
