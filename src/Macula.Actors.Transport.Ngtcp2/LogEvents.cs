using System.Net;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2;

internal static partial class LogEvents
{
    [LoggerMessage(1, LogLevel.Debug, "Handshake with {Remote} failed: {Reason}")]
    public static partial void HandshakeFailed(this ILogger log, EndPoint remote, string reason);

    [LoggerMessage(2, LogLevel.Error, "A callback of the QUIC library failed; its connection ends")]
    public static partial void CallbackFailed(this ILogger log, Exception fault);

    [LoggerMessage(3, LogLevel.Error, "A QUIC loop failed; its connections end")]
    public static partial void LoopFailed(this ILogger log, Exception fault);

    [LoggerMessage(4, LogLevel.Warning, "A connection could not be accepted")]
    public static partial void AcceptFailed(this ILogger log, Exception fault);

    [LoggerMessage(6, LogLevel.Warning, "A connection from {Remote} was refused: {Reason}; {Unlogged} more were not logged")]
    public static partial void Refused(this ILogger log, EndPoint remote, RefusalReason reason, long unlogged);

    [LoggerMessage(
        7, LogLevel.Warning,
        "The receive buffer of UDP {Local} has {Actual} bytes, not {Wanted}: under load packets are lost and sent again; allow more with sysctl -w net.core.rmem_max={Wanted}")]
    public static partial void SmallReceiveBuffer(this ILogger log, EndPoint local, int actual, int wanted);

    [LoggerMessage(
        8, LogLevel.Warning, "UDP {Local} has one loop, not {Wanted}: the system does not let sockets share a port: {Reason}")]
    public static partial void OneLoop(this ILogger log, EndPoint local, int wanted, string reason);

    [LoggerMessage(5, LogLevel.Warning, "OnHandshakeFailed threw")]
    public static partial void UserCallbackFailed(this ILogger log, Exception fault);
}
