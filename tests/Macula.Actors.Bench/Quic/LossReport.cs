using System.Globalization;
using System.Net;
using System.Text.Json;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Bench.Quic;

/// <summary>Our provider over paths of 100 ms that lose packets both ways, as the specs have them.</summary>
internal static class LossReport
{
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(100);

    private static readonly LossyPath WarmUp = new(0, RoundTrip, 20, 100_000, 5);

    private static readonly LossyPath[] Paths =
    [
        new(0, RoundTrip, 100, 4_000_000, 50),
        new(0.01, RoundTrip, 100, 2_000_000, 50),
        new(0.05, RoundTrip, 100, 500_000, 50),
        new(0.20, RoundTrip, 100, 50_000, 50),
    ];

    public static async Task RunAsync(bool json)
    {
        using var certificate = Certificates.Create();
        var listen = new QuicListenOptions
        { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Certificate = certificate };
        var dial = new QuicConnectOptions
        { EndPoint = listen.EndPoint, Trust = QuicTrust.Pinned(QuicTrust.Fingerprint(certificate)) };
        if (!json)
        {
            Console.WriteLine("| loss each way | connects | p50 | longest | transfer each way | 100 bytes there and back: p50 | p99 |");
            Console.WriteLine("|--:|--:|--:|--:|--:|--:|--:|");
        }

        await LossyRun.MeasureAsync(new Ngtcp2Provider(), listen, dial, WarmUp);
        foreach (var path in Paths)
        {
            Console.Error.WriteLine($"loss {path.Loss:P0}");
            var run = await LossyRun.MeasureAsync(new Ngtcp2Provider(), listen, dial, path);
            Console.WriteLine(json ? Json(path, run) : Row(path, run));
        }
    }

    private static string Row(LossyPath path, LossyRun run) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {path.Loss * 100:0} % | {run.Connected} of {run.Connects} | {run.ConnectP50.TotalMilliseconds:N0} ms "
        + $"| {run.ConnectMax.TotalMilliseconds:N0} ms | {run.Throughput / 1e3:N0} kB/s | {run.P50.TotalMilliseconds:N0} ms "
        + $"| {run.P99.TotalMilliseconds:N0} ms |");

    private static string Json(LossyPath path, LossyRun run) => JsonSerializer.Serialize(new
    {
        name = string.Create(CultureInfo.InvariantCulture, $"loss {path.Loss * 100:0} %"),
        connected = run.Connected,
        connects = run.Connects,
        connect_p50_ms = run.ConnectP50.TotalMilliseconds,
        connect_max_ms = run.ConnectMax.TotalMilliseconds,
        bytes_per_second = run.Throughput,
        p50_ms = run.P50.TotalMilliseconds,
        p99_ms = run.P99.TotalMilliseconds,
    });
}
