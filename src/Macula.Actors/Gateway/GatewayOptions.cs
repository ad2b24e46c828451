using Macula.Actors.Configuration;
using Macula.Actors.Protocol;

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

    /// <summary>Bytes of unfinished frames that all streams of a connection may have out of the receive window.</summary>
    public required int MaxBytesAssembling { get; init; }

    public required int OutboundMaxFrames { get; init; }

    public required int OutboundMaxBytes { get; init; }

    public required SlowConsumerPolicy SlowConsumer { get; init; }

    public required PeerStreams PeerStreams { get; init; }

    public required int MaxConnections { get; init; }

    public required TimeSpan CloseGrace { get; init; }

    /// <summary>The bound of the outbound queues; one for all connections, which are then shrunk together.</summary>
    public OutboundLimits NewOutbound() => new(OutboundMaxFrames, OutboundMaxBytes, SlowConsumer);

    public static GatewayOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var options = new GatewayOptions
        {
            ConnectTimeout = reader.Duration(
                "connect-timeout", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(5)),
            MaxConnectSize = reader.Size("max-connect-size", 64, 1024 * 1024),
            MaxFrameSize = reader.Size("max-frame-size", 1024, 16 * 1024 * 1024),
            MaxFramesInFlight = reader.Int("max-frames-in-flight", 1, 65_536),
            MaxBytesInFlight = reader.Size("max-bytes-in-flight", 1024, 1024 * 1024 * 1024),
            MaxBytesAssembling = reader.Size("max-bytes-assembling", 1024, 1024 * 1024 * 1024),
            OutboundMaxFrames = reader.Int("outbound-max-frames", 1, 1_048_576),
            OutboundMaxBytes = reader.Size("outbound-max-bytes", 1024, 1024 * 1024 * 1024),
            SlowConsumer = reader.Enum<SlowConsumerPolicy>("slow-consumer"),
            PeerStreams = reader.Enum<PeerStreams>("peer-streams"),
            MaxConnections = reader.Int("max-connections", 1, 10_000_000),
            CloseGrace = reader.Duration("close-grace", TimeSpan.Zero, TimeSpan.FromMinutes(1)),
        };
        var frame = options.MaxFrameSize + Frame.HeaderLength;
        if (options.MaxBytesAssembling < frame)
        {
            reader.Fault(
                "max-bytes-assembling", $"{options.MaxBytesAssembling}B",
                $"at least one frame of max-frame-size and its header, {frame}B");
        }

        if (options.OutboundMaxBytes < frame)
        {
            reader.Fault(
                "outbound-max-bytes", $"{options.OutboundMaxBytes}B",
                $"at least one frame of max-frame-size and its header, {frame}B");
        }

        return options;
    }
}
