namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>Error numbers of libngtcp2 1.x (0.12 had others).</summary>
internal static class QuicError
{
    public const int StreamIdBlocked = -206;
    public const int StreamDataBlocked = -208;
    public const int Crypto = -213;
    public const int StreamShutWrite = -219;
    public const int StreamNotFound = -220;
    public const int ReceivedVersionNegotiation = -222;
    public const int Closing = -223;
    public const int Draining = -224;
    public const int WriteMore = -230;
    public const int Retry = -231;
    public const int DropConnection = -232;
    public const int VersionNegotiation = -235;
    public const int HandshakeTimeout = -236;
    public const int IdleClose = -238;
    public const int CallbackFailure = -502;
}

/// <summary>Transport error codes of RFC 9000, section 20.1.</summary>
internal static class TransportCode
{
    public const ulong NoError = 0x0;
    public const ulong InternalError = 0x1;
    public const ulong ConnectionRefused = 0x2;
    public const ulong InvalidToken = 0xb;
    public const ulong ApplicationError = 0xc;

    /// <summary>CRYPTO_ERROR: this plus the TLS alert.</summary>
    public const ulong CryptoError = 0x100;
}
