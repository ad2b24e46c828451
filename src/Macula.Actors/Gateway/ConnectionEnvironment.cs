using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>What all connections of a node share: one object, because there are ten thousand of them. Thread-safe.</summary>
/// <param name="dedupeIds">Counts the message ids that all of them remember.</param>
/// <param name="outbound">The bound of each one's outbound queue; all are shrunk together.</param>
public sealed class ConnectionEnvironment(
    GatewayIdentity identity, GatewayOptions options, Neighbours neighbours, BoundedTable dedupeIds,
    GatewayMetrics metrics, OutboundLimits outbound)
{
    private readonly ReaderLimits _withPeers = new(options.MaxConnectSize, options.MaxFrameSize, PeersAllowed: true);
    private readonly ReaderLimits _withoutPeers = new(options.MaxConnectSize, options.MaxFrameSize, PeersAllowed: false);
    private readonly Lock _skipLogGate = new();
    private readonly LogThrottle _skipLog = new(TimeSpan.FromSeconds(1));
    private string[] _lastCapabilities = [];

    public GatewayIdentity Identity => identity;

    public GatewayOptions Options => options;

    public Neighbours Neighbours => neighbours;

    public BoundedTable DedupeIds => dedupeIds;

    public GatewayMetrics Metrics => metrics;

    public OutboundLimits Outbound => outbound;

    /// <summary>Whether one more connection may log that it was sent rubbish: one a second, of all.</summary>
    internal bool AdmitsSkipLog(TimeSpan now, out long suppressed)
    {
        lock (_skipLogGate) return _skipLog.Admits(now, out suppressed);
    }

    /// <summary>What is read of this connection, by whether its peer may be one of the mesh.</summary>
    internal ReaderLimits LimitsOf(IQuicConnection connection) =>
        options.PeerStreams == PeerStreams.Open
        || (options.PeerStreams == PeerStreams.Authenticated && connection.RemoteCertificate is not null)
            ? _withPeers
            : _withoutPeers;

    /// <summary>A client's capabilities as strings: those of the client before, if it had the same. Nearly all have.</summary>
    internal IReadOnlyList<string> ShareCapabilities(IReadOnlyList<Utf8Text> capabilities)
    {
        string[] told = [.. capabilities.Select(each => each.ToString())];
        var last = Volatile.Read(ref _lastCapabilities);
        if (told.AsSpan().SequenceEqual(last)) return last;
        Volatile.Write(ref _lastCapabilities, told);
        return told;
    }
}
