using System.Net.Quic;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Authentication;

namespace Macula.Actors.Transport.SystemNetQuic;

/// <summary>What System.Net.Quic throws, in the words of the contract.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class SystemQuicErrors
{
    private const long ConnectionRefused = 0x2; // RFC 9000, section 20.1
    private const long FirstTlsAlert = 0x100;
    private const long LastTlsAlert = 0x1ff;
    private const long NoApplicationProtocol = FirstTlsAlert + 120; // RFC 8446, section 6

    /// <summary>Whether it is a failure of the transport, as opposed to a fault in the program.</summary>
    public static bool IsKnown(Exception error) =>
        error is QuicException or SocketException or AuthenticationException or ObjectDisposedException;

    public static QuicTransportException Translate(Exception error)
    {
        var code = (error as QuicException)?.ApplicationErrorCode;
        return new QuicTransportException(Kind(error), error.Message, code, error);
    }

    private static QuicTransportError Kind(Exception error) => error switch
    {
        QuicException quic => Kind(quic),
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => QuicTransportError.AddressInUse,
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => QuicTransportError.ConnectionRefused,
        SocketException => QuicTransportError.ConnectionTimeout, // host not found or not reachable
        AuthenticationException when IsAlpn(error.Message) => QuicTransportError.AlpnMismatch,
        AuthenticationException => QuicTransportError.AuthenticationFailed,
        ObjectDisposedException => QuicTransportError.OperationAborted,
        _ => QuicTransportError.InternalError,
    };

    private static QuicTransportError Kind(QuicException error) => error.QuicError switch
    {
        QuicError.ConnectionAborted => QuicTransportError.ConnectionAborted,
        QuicError.StreamAborted => QuicTransportError.StreamAborted,
        QuicError.OperationAborted => QuicTransportError.OperationAborted,
        QuicError.ConnectionIdle => QuicTransportError.ConnectionIdle,
        QuicError.ConnectionTimeout => QuicTransportError.ConnectionTimeout,
        QuicError.ConnectionRefused => QuicTransportError.ConnectionRefused,
        QuicError.VersionNegotiationError => QuicTransportError.VersionNegotiation,
        QuicError.AlpnInUse => QuicTransportError.AddressInUse, // same port and protocol, inside this process
        QuicError.TransportError => error.TransportErrorCode switch
        {
            ConnectionRefused => QuicTransportError.ConnectionRefused,
            NoApplicationProtocol => QuicTransportError.AlpnMismatch,
            >= FirstTlsAlert and <= LastTlsAlert => QuicTransportError.AuthenticationFailed,
            _ => QuicTransportError.ProtocolError,
        },
        _ => QuicTransportError.InternalError,
    };

    /// <summary>MsQuic's status for a failed ALPN arrives as nothing but a sentence, or as the name of a TLS alert.
    /// </summary>
    private static bool IsAlpn(string message) =>
        message.Contains("application layer protocol", StringComparison.OrdinalIgnoreCase)
        || message.Contains("ALPN", StringComparison.OrdinalIgnoreCase)
        || message.Contains("NoApplicationProtocol", StringComparison.OrdinalIgnoreCase)
        || message.EndsWith("'120'.", StringComparison.Ordinal);
}
