using System.Diagnostics;
using Macula.Actors.Transport;

namespace Macula.Actors.Fuzz;

/// <summary>What a provider makes of a long and lossy path.</summary>
/// <param name="Connects">Tried.</param>
/// <param name="Connected">Of these, within their handshake time-out.</param>
/// <param name="ConnectP50">Median time of a connect.</param>
/// <param name="ConnectMax">The longest.</param>
/// <param name="Throughput">Of one transfer, client to server and back, bytes a second of each way.</param>
/// <param name="P50">Median time of a small message there and back.</param>
/// <param name="P99">99 of 100 were as fast.</param>
/// <param name="Lost">The share of packets that the path lost.</param>
/// <param name="SentPerByte">Bytes of datagrams that both sides sent for each byte that arrived of transfer and messages.</param>
internal sealed record LossyRun(
    int Connects, int Connected, TimeSpan ConnectP50, TimeSpan ConnectMax, double Throughput, TimeSpan P50, TimeSpan P99,
    double Lost, double SentPerByte)
{
    private const int Talkers = 8;
    private const int MessageSize = 100;

    /// <param name="provider">Of both sides.</param>
    /// <param name="listen">The server.</param>
    /// <param name="dial">Its clients; their end point is set here.</param>
    /// <param name="path">How bad it is.</param>
    /// <exception cref="InvalidDataException">Bytes came back that were not sent.</exception>
    public static async Task<LossyRun> MeasureAsync(
        IQuicProvider provider, QuicListenOptions listen, QuicConnectOptions dial, LossyPath path)
    {
        await using var listener = await provider.ListenAsync(listen);
        await using var relay = new LossyRelay(listener.LocalEndPoint, path.Loss, path.RoundTrip);
        var serving = new EchoServer(listener).RunAsync();
        var connects = await Task.WhenAll(Enumerable.Range(0, path.Connects).Select(
            _ => ConnectAsync(provider, dial with { EndPoint = relay.EndPoint })));
        var open = connects.Where(each => each.Connection is not null).Select(each => each.Connection!).ToList();
        try
        {
            if (open.Count <= Talkers)
                throw new InvalidOperationException($"only {open.Count} of {path.Connects} connects succeeded");
            var before = relay.Bytes;
            var talking = open.Take(Talkers).Select(connection => TalkAsync(connection, path.Messages)).ToList();
            var throughput = await TransferAsync(open[Talkers], path.Bytes);
            var trips = (await Task.WhenAll(talking)).SelectMany(times => times).Order().ToList();
            var times = connects.Where(each => each.Connection is not null).Select(each => each.Time).Order().ToList();
            return new LossyRun(
                path.Connects, open.Count, times[times.Count / 2], times[^1], throughput, trips[trips.Count / 2],
                trips[(int)Math.Ceiling(trips.Count * 0.99) - 1], (double)relay.Lost / relay.Packets,
                (relay.Bytes - before) / (2.0 * (path.Bytes + (trips.Count * MessageSize))));
        }
        finally
        {
            foreach (var connection in open) connection.Abort(0);
            foreach (var connection in open) await connection.DisposeAsync();
            await listener.DisposeAsync();
            await serving;
        }
    }

    private static async Task<(IQuicConnection? Connection, TimeSpan Time)> ConnectAsync(
        IQuicProvider provider, QuicConnectOptions options)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            return (await provider.ConnectAsync(options), Stopwatch.GetElapsedTime(start));
        }
        catch (QuicTransportException e) when (e.Error == QuicTransportError.ConnectionTimeout)
        {
            return (null, Stopwatch.GetElapsedTime(start));
        }
    }

    private static async Task<List<TimeSpan>> TalkAsync(IQuicConnection connection, int messages)
    {
        await using var stream = await connection.OpenStreamAsync();
        var times = new List<TimeSpan>();
        for (var i = 0; i < messages; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await stream.Output.WriteAsync(new byte[MessageSize]);
            var read = await stream.Input.ReadAtLeastAsync(MessageSize);
            if (read.Buffer.Length < MessageSize) throw new InvalidDataException("the echo ended early");
            stream.Input.AdvanceTo(read.Buffer.GetPosition(MessageSize));
            times.Add(Stopwatch.GetElapsedTime(start));
        }

        return times;
    }

    private static async Task<double> TransferAsync(IQuicConnection connection, int bytes)
    {
        await using var stream = await connection.OpenStreamAsync();
        var sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        var start = Stopwatch.GetTimestamp();
        var sending = SendAsync();
        using var heard = new MemoryStream();
        await stream.Input.CopyToAsync(heard);
        var time = Stopwatch.GetElapsedTime(start);
        await sending;
        if (!heard.ToArray().AsSpan().SequenceEqual(sent))
            throw new InvalidDataException($"of {bytes} bytes {heard.Length} came back, or others");
        return bytes / time.TotalSeconds;

        async Task SendAsync()
        {
            await stream.Output.WriteAsync(sent);
            await stream.Output.CompleteAsync();
        }
    }
}

/// <summary>How bad a path is, and what is tried on it.</summary>
/// <param name="Loss">The share of packets lost each way, 0 to 1.</param>
/// <param name="RoundTrip">What the path adds to a round trip.</param>
/// <param name="Connects">Clients, all at once.</param>
/// <param name="Bytes">Of the transfer, each way.</param>
/// <param name="Messages">Round trips of each client that talks, one after another.</param>
internal sealed record LossyPath(double Loss, TimeSpan RoundTrip, int Connects, int Bytes, int Messages);
