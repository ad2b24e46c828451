using System.Diagnostics;
using Macula.Actors.Bench.Wire;

namespace Macula.Actors.Bench.Quic;

/// <summary>What clients do to a server, over any transport.</summary>
internal sealed class Loads(WireOptions options)
{
    private const int MessageSize = 100;

    private const long WarmUpSize = 32_000_000;

    private static readonly byte[] Message = Enumerable.Repeat((byte)1, MessageSize).ToArray();
    private static readonly byte[] FirstMessage = [Purpose.Echo, .. Message];

    /// <summary>Connections, each until a first byte has come back: only then both sides are through.</summary>
    public async Task<IReadOnlyList<Figure>> HandshakesAsync(MeasuredServer server, IDialer dialer, int atOnce)
    {
        var measured = await RepeatAsync(server, atOnce, _ => ConnectAsync(dialer));
        return Figure.Of("handshakes", measured);
    }

    /// <summary>A message there and back on each connection, again and again.</summary>
    public async Task<IReadOnlyList<Figure>> EchoAsync(MeasuredServer server, IDialer dialer, int connections)
    {
        var links = await Many.ConnectAsync(connections, dialer.ConnectAsync);
        var flows = await Task.WhenAll(links.Select(async link => await link.OpenAsync()));
        foreach (var flow in flows) await flow.SendAsync(new[] { Purpose.Echo });
        var measured = await RepeatAsync(server, connections, async i =>
        {
            await flows[i].SendAsync(Message);
            await flows[i].ReceiveAsync(MessageSize);
        });
        await Many.DisposeAsync(links);
        return Figure.Of("round trips", measured);
    }

    /// <summary>A message there and back on a stream of its own.</summary>
    public async Task<IReadOnlyList<Figure>> StreamsAsync(MeasuredServer server, IDialer dialer)
    {
        await using var link = await dialer.ConnectAsync();
        return Figure.Of("requests", await RepeatAsync(server, 1, _ => RequestAsync(link)));
    }

    /// <summary>The same where a stream is a connection.</summary>
    public async Task<IReadOnlyList<Figure>> ConnectionsAsync(MeasuredServer server, IDialer dialer) =>
        Figure.Of("requests", await RepeatAsync(server, 1, async _ =>
        {
            await using var link = await dialer.ConnectAsync();
            await RequestAsync(link);
        }));

    /// <summary>So many bytes on each connection, all at once.</summary>
    public static async Task<IReadOnlyList<Figure>> DownloadAsync(
        MeasuredServer server, IDialer dialer, int connections, long size)
    {
        var links = await Many.ConnectAsync(connections, dialer.ConnectAsync);
        var flows = await Task.WhenAll(links.Select(async link => await link.OpenAsync()));
        await FetchAsync(await links[0].OpenAsync(), WarmUpSize); // opens the congestion window, compiles the code

        var (before, start) = (server.Usage(), Stopwatch.GetTimestamp());
        await Task.WhenAll(flows.Select(flow => FetchAsync(flow, size)));
        var (time, after) = (Stopwatch.GetElapsedTime(start), server.Usage());
        await Many.DisposeAsync(links);
        var bytes = size * connections;
        return
        [
            Figure.Speed(bytes, time),
            Figure.Microseconds("server CPU a MB", (after!.Value.Cpu - before!.Value.Cpu).TotalMicroseconds / bytes * 1e6),
        ];
    }

    public static async Task FetchAsync(IFlow flow, long size)
    {
        await flow.SendAsync(Purpose.DownloadOf(size));
        await flow.ReceiveAsync(size);
    }

    /// <summary>What each idle connection adds to the server's resident set.</summary>
    public static async Task<IReadOnlyList<Figure>> IdleAsync(MeasuredServer server, IDialer dialer, int[] counts)
    {
        await Many.DisposeAsync(await Many.ConnectAsync(100, () => OpenedAsync(dialer))); // compiles the code
        var empty = await server.SettledMemoryAsync();
        var figures = new List<Figure>();
        var open = new List<ILink>();
        foreach (var count in counts)
        {
            open.AddRange(await Many.ConnectAsync(count - open.Count, dialer.ConnectAsync));
            var full = await server.SettledMemoryAsync();
            figures.Add(Figure.Kibibytes($"{count:N0} connections, each", (double)(full - empty) / count));
        }

        await Many.DisposeAsync(open);
        return figures;
    }

    private static async Task RequestAsync(ILink link)
    {
        await using var flow = await link.OpenAsync();
        await flow.SendAsync(FirstMessage);
        await flow.ReceiveAsync(MessageSize);
    }

    private static async Task ConnectAsync(IDialer dialer)
    {
        await using var link = await OpenedAsync(dialer);
    }

    private static async Task<ILink> OpenedAsync(IDialer dialer)
    {
        var link = await dialer.ConnectAsync();
        await using var flow = await link.OpenAsync();
        await flow.SendAsync(new byte[] { Purpose.Echo, 1 });
        await flow.ReceiveAsync(1);
        return link;
    }

    private async Task<Measured> RepeatAsync(MeasuredServer server, int atOnce, Func<int, Task> operation)
    {
        var meter = new Meter(server, options);
        return await meter.RunAsync(stop => Task.WhenAll(Enumerable.Range(0, atOnce).Select(async i =>
        {
            while (!stop.IsCancellationRequested)
            {
                var start = Stopwatch.GetTimestamp();
                await operation(i);
                meter.Record(start);
            }
        })));
    }
}
