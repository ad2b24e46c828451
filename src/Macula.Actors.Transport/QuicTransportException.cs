namespace Macula.Actors.Transport;

/// <summary>What went wrong on a transport, whichever provider runs it.</summary>
public enum QuicTransportError
{
    /// <summary>Nothing: an orderly end.</summary>
    None = 0,

    /// <summary>The peer closed the connection with an application error code.</summary>
    ConnectionAborted,

    /// <summary>The peer reset the stream, or stopped reading it, with an application error code.</summary>
    StreamAborted,

    /// <summary>This side closed, aborted or disposed the object.</summary>
    OperationAborted,

    /// <summary>Nothing was heard for the idle time-out.</summary>
    ConnectionIdle,

    /// <summary>The peer could not be reached, or did not complete the handshake in time.</summary>
    ConnectionTimeout,

    /// <summary>The peer refuses new connections, or its machine says that nobody listens there.</summary>
    ConnectionRefused,

    /// <summary>The two sides share no application protocol.</summary>
    AlpnMismatch,

    /// <summary>A certificate was missing, or did not pass verification.</summary>
    AuthenticationFailed,

    /// <summary>The two sides share no QUIC version.</summary>
    VersionNegotiation,

    /// <summary>The peer restarted and no longer knows the connection (stateless reset, RFC 9000 section 10.3).
    /// </summary>
    StatelessReset,

    /// <summary>The peer broke QUIC or TLS, or says that this side did.</summary>
    ProtocolError,

    /// <summary>The UDP address is taken.</summary>
    AddressInUse,

    /// <summary>The provider cannot run on this machine.</summary>
    NotSupported,

    /// <summary>An option has a value that cannot work; the message names it.</summary>
    InvalidConfiguration,

    /// <summary>A fault of this side or its libraries.</summary>
    InternalError,
}

/// <summary>A transport operation failed.</summary>
public sealed class QuicTransportException : IOException
{
    public QuicTransportException(
        QuicTransportError error, string message, long? errorCode = null, Exception? inner = null)
        : base(message, inner) => (Error, ErrorCode) = (error, errorCode);

    public QuicTransportError Error { get; }

    /// <summary>The application error code that the peer sent, if it sent one.</summary>
    public long? ErrorCode { get; }
}
