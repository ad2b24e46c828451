using Microsoft.Extensions.Logging;

namespace Macula.Actors.Client.Internal;

/// <summary>All that a client logs.</summary>
internal static partial class ClientLog
{
    [LoggerMessage(1, LogLevel.Information, "Connected to {Server} as {Node}")]
    public static partial void Connected(ILogger log, string server, string node);

    [LoggerMessage(2, LogLevel.Warning, "Connection lost, connecting again: {Code}, {Reason}")]
    public static partial void Lost(ILogger log, string code, string reason);

    [LoggerMessage(3, LogLevel.Information, "Attempt {Attempt} to reconnect in {Delay} failed: {Reason}")]
    public static partial void AttemptFailed(ILogger log, int attempt, TimeSpan delay, string reason);

    [LoggerMessage(4, LogLevel.Information, "Closed: {Code}, {Reason}")]
    public static partial void Closed(ILogger log, string code, string reason);

    [LoggerMessage(5, LogLevel.Warning, "Gateway's stream is out of step: {Fault}")]
    public static partial void OutOfStep(ILogger log, string fault);

    [LoggerMessage(6, LogLevel.Debug, "Frame skipped: {What}")]
    public static partial void Skipped(ILogger log, string what);

    [LoggerMessage(7, LogLevel.Warning, "Handler of {Procedure} failed")]
    public static partial void HandlerFailed(ILogger log, Exception error, string procedure);

    [LoggerMessage(8, LogLevel.Error, "A StateChanged handler failed")]
    public static partial void StateHandlerFailed(ILogger log, Exception error);
}
