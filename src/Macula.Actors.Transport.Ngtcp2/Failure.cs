using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2;

/// <summary>Why something ended: kept once, thrown afresh to each caller.</summary>
internal sealed record Failure(QuicTransportError Error, string Message, long? ErrorCode = null)
{
    /// <summary>CRYPTO_ERROR of alert 120, no_application_protocol.</summary>
    public const byte AlertNoApplicationProtocol = 120;

    private const byte AlertCertificateRequired = 116;

    public static Failure LocallyClosed { get; } =
        new(QuicTransportError.OperationAborted, "the connection was closed by this side");

    public static Failure LocallyAborted { get; } =
        new(QuicTransportError.OperationAborted, "the connection was aborted by this side");

    public QuicTransportException ToException() => new(Error, Message, ErrorCode);

    /// <summary>What the peer's CONNECTION_CLOSE means.</summary>
    public static unsafe Failure FromPeer(CloseError* error)
    {
        var reason = error->ReasonLength == 0
            ? ""
            : Text.FromPeer(new ReadOnlySpan<byte>(error->Reason, (int)Math.Min(error->ReasonLength, 1024)));
        var code = error->ErrorCode;
        return error->Type == QuicLibrary.CloseTypeApplication
            ? new(QuicTransportError.ConnectionAborted, Sentence($"the peer closed with code {code}"), (long)code)
            : code switch
            {
                TransportCode.NoError or TransportCode.ApplicationError =>
                    new(QuicTransportError.ConnectionAborted, Sentence("the peer closed the connection")),
                TransportCode.ConnectionRefused =>
                    new(QuicTransportError.ConnectionRefused, Sentence("the peer refuses new connections")),
                >= TransportCode.CryptoError and < TransportCode.CryptoError + 256 =>
                    FromAlert((byte)code, "the peer ended the handshake", reason),
                _ => new(QuicTransportError.ProtocolError, Sentence($"the peer reports transport error 0x{code:x}")),
            };

        string Sentence(string what) => reason.Length == 0 ? what : $"{what}: {reason}";
    }

    /// <summary>What an error of the library's on this side means.</summary>
    public static Failure FromLibrary(int libraryError, byte alert) =>
        libraryError == QuicError.Crypto && alert != 0
            ? FromAlert(alert, alert == AlertCertificateRequired ? "the client sent no certificate" : "the TLS handshake failed")
            : new(QuicTransportError.ProtocolError, QuicLibrary.Describe(libraryError));

    /// <summary>What a TLS alert means (RFC 8446, section 6).</summary>
    /// <param name="reason">The peer's words beside the alert, if it has any.</param>
    public static Failure FromAlert(byte alert, string who, string reason = "")
    {
        var error = alert switch
        {
            AlertNoApplicationProtocol => QuicTransportError.AlpnMismatch,
            42 or 43 or 44 or 45 or 46 or 48 or 49 or AlertCertificateRequired => QuicTransportError.AuthenticationFailed,
            _ => QuicTransportError.ProtocolError,
        };
        var tail = reason.Length == 0 ? "" : $": {reason}";
        return new(error, $"{who}: {AlertName(alert)} (alert {alert}){tail}");
    }

    private static string AlertName(byte alert) => alert switch
    {
        40 => "handshake failure",
        42 => "bad certificate",
        43 => "unsupported certificate",
        44 => "certificate revoked",
        45 => "certificate expired",
        46 => "certificate unknown",
        47 => "illegal parameter",
        48 => "unknown certificate authority",
        49 => "access denied",
        70 => "protocol version",
        109 => "missing extension",
        112 => "unrecognized name",
        AlertCertificateRequired => "a certificate is required",
        AlertNoApplicationProtocol => "the two sides share no application protocol",
        _ => "TLS alert",
    };
}
