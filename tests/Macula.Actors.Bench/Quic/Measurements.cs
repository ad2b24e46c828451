using Macula.Actors.Bench.Wire;

namespace Macula.Actors.Bench.Quic;

/// <summary>All that <c>bench quic</c> measures.</summary>
internal static class Measurements
{
    private const int Many = 100;
    private const long DownloadSize = 128_000_000;

    private static readonly int[] IdleConnections = [1000, 5000, 10_000];

    private static readonly Goal NearRaw = new(OfRaw: 0.8);
    private static readonly Goal AheadOfTls = new(OfTls: 1);

    public static IReadOnlyList<Measurement> All(QuicBed bed, WireOptions options)
    {
        var loads = new Loads(options);
        return
        [
            new("handshakes, 1 at a time",
                () => bed.OursAsync((server, dialer) => loads.HandshakesAsync(server, dialer, 1)),
                RawLoads.HandshakesAsync,
                () => bed.TlsAsync((server, dialer) => loads.HandshakesAsync(server, dialer, 1)),
                Goals(("server CPU each, us", NearRaw))),
            new("handshakes, 32 at a time",
                () => bed.OursAsync((server, dialer) => loads.HandshakesAsync(server, dialer, 32)),
                null,
                () => bed.TlsAsync((server, dialer) => loads.HandshakesAsync(server, dialer, 32)),
                Goals(("handshakes/s", AheadOfTls))),
            new("one stream, default windows",
                () => bed.OursAsync((server, dialer) => Loads.DownloadAsync(server, dialer, 1, DownloadSize)),
                () => RawLoads.DownloadAsync(Windows.Default, DownloadSize),
                () => bed.TlsAsync((server, dialer) => Loads.DownloadAsync(server, dialer, 1, DownloadSize)),
                Goals(("MB/s", NearRaw))),
            new("one stream, windows of 16 MiB",
                () => bed.OursAsync((server, dialer) => Loads.DownloadAsync(server, dialer, 1, DownloadSize), Windows.Large),
                () => RawLoads.DownloadAsync(Windows.Large, DownloadSize),
                null,
                Goals(("MB/s", NearRaw))),
            new("100 connections, a download each",
                () => bed.OursAsync((server, dialer) => Loads.DownloadAsync(server, dialer, Many, DownloadSize / Many)),
                null,
                () => bed.TlsAsync((server, dialer) => Loads.DownloadAsync(server, dialer, Many, DownloadSize / Many)),
                Goals()),
            new("100-byte round trips, 1 connection",
                () => bed.OursAsync((server, dialer) => loads.EchoAsync(server, dialer, 1)),
                null,
                () => bed.TlsAsync((server, dialer) => loads.EchoAsync(server, dialer, 1)),
                Goals()),
            new("100-byte round trips, 100 connections",
                () => bed.OursAsync((server, dialer) => loads.EchoAsync(server, dialer, Many)),
                null,
                () => bed.TlsAsync((server, dialer) => loads.EchoAsync(server, dialer, Many)),
                Goals(("round trips/s", AheadOfTls))),
            new("a stream per request; TCP: a connection",
                () => bed.OursAsync(loads.StreamsAsync),
                null,
                () => bed.TlsAsync(loads.ConnectionsAsync),
                Goals()),
            new("wire, a download of 16 MiB", WireBytes.OursAsync, WireBytes.RawAsync, WireBytes.TlsAsync,
                Goals(("a MB, bytes", NearRaw))),
            new("idle",
                () => bed.OursAsync((server, dialer) => Loads.IdleAsync(server, dialer, IdleConnections)),
                null,
                () => bed.TlsAsync((server, dialer) => Loads.IdleAsync(server, dialer, IdleConnections)),
                IdleConnections.ToDictionary(count => $"{count:N0} connections, each, KiB", _ => new Goal(Most: 25)),
                Once: true),
        ];
    }

    private static Dictionary<string, Goal> Goals(params (string Figure, Goal Goal)[] goals) =>
        goals.ToDictionary(each => each.Figure, each => each.Goal);
}
