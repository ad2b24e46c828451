using System.Text;

namespace Macula.Actors.Transport;

/// <summary>What every provider checks before it listens or connects, so that all refuse alike.</summary>
public static class QuicOptionChecks
{
    /// <summary>The largest application error code: 2^62-1 (RFC 9000, section 16).</summary>
    public const long MaxErrorCode = (1L << 62) - 1;

    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names every option that cannot work, its value and what is allowed.</exception>
    public static void Check(QuicConnectionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> faults = [];
        void Need(bool good, string name, object? value, string allowed)
        {
            if (!good) faults.Add($"{name} is '{value}'; allowed: {allowed}");
        }

        var alpn = options.ApplicationProtocol;
        Need(alpn is { Length: > 0 and < 256 } && Ascii.IsValid(alpn), nameof(options.ApplicationProtocol), alpn,
            "1 to 255 ASCII characters");
        Need(options.IdleTimeout >= TimeSpan.Zero, nameof(options.IdleTimeout), options.IdleTimeout, "from 0");
        Need(options.KeepAliveInterval >= TimeSpan.Zero, nameof(options.KeepAliveInterval), options.KeepAliveInterval,
            "from 0");
        Need(options.HandshakeTimeout > TimeSpan.Zero, nameof(options.HandshakeTimeout), options.HandshakeTimeout,
            "above 0");
        Need(options.CloseTimeout >= TimeSpan.Zero, nameof(options.CloseTimeout), options.CloseTimeout, "from 0");
        Need(options.MaxInboundStreams is >= 0 and <= 65535, nameof(options.MaxInboundStreams),
            options.MaxInboundStreams, "0 to 65535");
        Need(options.MaxInboundUnidirectionalStreams is >= 0 and <= 65535,
            nameof(options.MaxInboundUnidirectionalStreams), options.MaxInboundUnidirectionalStreams, "0 to 65535");
        Need(options.StreamReceiveWindow >= 1024, nameof(options.StreamReceiveWindow), options.StreamReceiveWindow,
            "from 1024");
        Need(options.ConnectionReceiveWindow >= 1024, nameof(options.ConnectionReceiveWindow),
            options.ConnectionReceiveWindow, "from 1024");
        Need(options.SendBuffer >= 1024, nameof(options.SendBuffer), options.SendBuffer, "from 1024");
        Need(options.DefaultCloseErrorCode is >= 0 and <= MaxErrorCode, nameof(options.DefaultCloseErrorCode),
            options.DefaultCloseErrorCode, "0 to 2^62-1");
        Need(options.DefaultStreamErrorCode is >= 0 and <= MaxErrorCode, nameof(options.DefaultStreamErrorCode),
            options.DefaultStreamErrorCode, "0 to 2^62-1");
        Need(options.Certificate is null or { HasPrivateKey: true }, nameof(options.Certificate),
            options.Certificate?.Subject, "one with its private key");

        if (options is QuicListenOptions listen)
        {
            Need(listen.Certificate is not null, nameof(listen.Certificate), null, "a listener needs one");
            Need(listen.AcceptBacklog is >= 1 and <= 65535, nameof(listen.AcceptBacklog), listen.AcceptBacklog,
                "1 to 65535");
        }

        if (faults is not [])
            throw new QuicTransportException(QuicTransportError.InvalidConfiguration, string.Join("; ", faults));
    }

    /// <exception cref="ArgumentOutOfRangeException">The code does not fit QUIC.</exception>
    public static void CheckErrorCode(long errorCode)
    {
        if (errorCode is < 0 or > MaxErrorCode)
            throw new ArgumentOutOfRangeException(nameof(errorCode), errorCode, "allowed: 0 to 2^62-1");
    }
}
