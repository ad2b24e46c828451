using Macula.Actors.Configuration;

namespace Macula.Actors.Gateway;

/// <summary>Whether streams without CONNECT are read, on which mesh peers send one frame each.</summary>
public enum PeerStreams
{
    /// <summary>From a peer that showed a certificate which this node trusts.</summary>
    Authenticated,

    /// <summary>From anyone. For a closed network.</summary>
    Open,

    /// <summary>From nobody.</summary>
    Off,
}

/// <summary>Limits of connections and frames; the table <c>macula.gateway</c> of hocon/reference.conf says what each
/// costs.</summary>
public sealed record GatewayOptions
{
    public required TimeSpan ConnectTimeout { get; init; }

    public required int MaxConnectSize { get; init; }

    public required int MaxFrameSize { get; init; }

    public required int MaxFramesInFlight { get; init; }

    public required int MaxBytesInFlight { get; init; }

    public required int OutboundMaxFrames { get; init; }

    public required long OutboundMaxBytes { get; init; }

    public required SlowConsumerPolicy SlowConsumer { get; init; }

    public required PeerStreams PeerStreams { get; init; }

    public required int MaxConnections { get; init; }

    public required TimeSpan CloseGrace { get; init; }

    public OutboundLimits Outbound => new(OutboundMaxFrames, OutboundMaxBytes, SlowConsumer);

    public static GatewayOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var options = new GatewayOptions
        {
            ConnectTimeout = reader.Duration(
                "connect-timeout", TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
            MaxConnectSize = (int)reader.Size("max-connect-size", 256, 1024 * 1024),
            MaxFrameSize = (int)reader.Size("max-frame-size", 1024, 256 * 1024 * 1024),
            MaxFramesInFlight = reader.Int("max-frames-in-flight", 1, 65_536),
            MaxBytesInFlight = (int)reader.Size("max-bytes-in-flight", 1024, 256 * 1024 * 1024),
            OutboundMaxFrames = reader.Int("outbound-max-frames", 1, 1_000_000),
            OutboundMaxBytes = reader.Size("outbound-max-bytes", 1024, 1024L * 1024 * 1024),
            SlowConsumer = reader.Enum<SlowConsumerPolicy>("slow-consumer"),
            PeerStreams = reader.Enum<PeerStreams>("peer-streams"),
            MaxConnections = reader.Int("max-connections", 1, 10_000_000),
            CloseGrace = reader.Duration("close-grace", TimeSpan.Zero, TimeSpan.FromMinutes(1)),
        };
        reader.Check(
            options.OutboundMaxBytes >= options.MaxFrameSize + 8L, "outbound-max-bytes",
            $"is {options.OutboundMaxBytes} bytes, less than one frame of max-frame-size {options.MaxFrameSize} "
            + "and its header; raise it, or lower max-frame-size");
        return options;
    }
}
