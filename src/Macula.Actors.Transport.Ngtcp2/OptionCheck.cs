namespace Macula.Actors.Transport.Ngtcp2;

/// <summary>Refuses option values that cannot work, by name.</summary>
internal static class OptionCheck
{
    private const int LongestProtocol = 255;

    public static void Check(QuicListenOptions options)
    {
        Common(options);
        if (options.Certificate is null) throw Bad("Certificate is missing; a listener needs one");
        if (options.AcceptBacklog < 1) throw Bad($"AcceptBacklog is {options.AcceptBacklog}; allowed from 1");
    }

    public static void Check(QuicConnectOptions options) => Common(options);

    private static void Common(QuicConnectionOptions options)
    {
        if (options.ApplicationProtocol.Length is 0 or > LongestProtocol)
            throw Bad("ApplicationProtocol must have 1 to 255 bytes");
        if (options.Certificate is { HasPrivateKey: false }) throw Bad("Certificate has no private key");
        AtLeast(options.MaxInboundStreams, 0, nameof(options.MaxInboundStreams));
        AtLeast(options.StreamReceiveWindow, 1, nameof(options.StreamReceiveWindow));
        AtLeast(options.ConnectionReceiveWindow, 1, nameof(options.ConnectionReceiveWindow));
        AtLeast(options.SendBuffer, 1, nameof(options.SendBuffer));
        NotNegative(options.IdleTimeout, nameof(options.IdleTimeout));
        NotNegative(options.KeepAliveInterval, nameof(options.KeepAliveInterval));
        NotNegative(options.CloseTimeout, nameof(options.CloseTimeout));
        if (options.HandshakeTimeout <= TimeSpan.Zero)
            throw Bad($"HandshakeTimeout is {options.HandshakeTimeout}; it must be positive");
        ErrorCode(options.DefaultCloseErrorCode, nameof(options.DefaultCloseErrorCode));
        ErrorCode(options.DefaultStreamErrorCode, nameof(options.DefaultStreamErrorCode));
    }

    private static void AtLeast(int value, int least, string name)
    {
        if (value < least) throw Bad($"{name} is {value}; allowed from {least}");
    }

    private static void NotNegative(TimeSpan value, string name)
    {
        if (value < TimeSpan.Zero) throw Bad($"{name} is {value}; it must not be negative");
    }

    private static void ErrorCode(long value, string name)
    {
        if (value is < 0 or > (1L << 62) - 1) throw Bad($"{name} is {value}; allowed 0 to 2^62-1");
    }

    private static QuicTransportException Bad(string message) =>
        new(QuicTransportError.InvalidConfiguration, message);
}
