using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Fuzz;

/// <summary>A listener, honest clients and hostile senders in one process; a native fault ends it, and that is seen too.
/// </summary>
internal sealed class FuzzRun
{
    private const int Clients = 4; // with a straight way to the listener
    private const int UnluckyClients = 4; // behind a bad network each
    private const int Senders = 3;
    private const double Fault = 0.01; // of packets on a bad network, by each kind of misfortune
    private static readonly TimeSpan MoveInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private readonly FuzzOptions _options;
    private readonly Action<string> _tell;
    private readonly ConcurrentQueue<string> _faults = [];
    private readonly PacketMemory _real = new();
    private readonly List<HonestClient> _clients = [];
    private readonly List<BadNetwork> _networks = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _hostile;
    private long _growth;

    private FuzzRun(FuzzOptions options, Action<string> tell) => (_options, _tell) = (options, tell);

    /// <param name="tell">Gets lines for people.</param>
    /// <param name="stop">Ends it early, as if the time were over.</param>
    public static Task<FuzzReport> RunAsync(FuzzOptions options, Action<string> tell, CancellationToken stop = default) =>
        new FuzzRun(options, tell).RunAsync(stop);

    private async Task<FuzzReport> RunAsync(CancellationToken stop)
    {
        _tell($"{_options.Time} with seed {_options.Seed}, {_options.Rate} hostile packets a second");
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var certificate = Certificates.Create();
        var provider = new Ngtcp2Provider(options: new Ngtcp2Options
        {
            Loops = _options.Loops,
            RetryTokenLifetime = HonestClient.DefaultPatience, // who tries for so long must not be refused before
        });
        await using var listener = await provider.ListenAsync(new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = certificate,
            HandshakeTimeout = TimeSpan.FromSeconds(5),
        }, stop);
        var server = new EchoServer(listener);
        var serving = server.RunAsync();
        var clients = new Ngtcp2Provider();
        var hello = await CapturedHello.TakeAsync(clients);
        _clock.Restart();
        over.CancelAfter(_options.Time);

        List<Task> running = [WatchMemoryAsync(over), ReportAsync(over.Token)];
        for (var i = 0; i < Clients; i++)
            running.Add(RunAsync(new HonestClient(clients, listener.LocalEndPoint, $"client {i}", i), over));
        for (var i = 0; i < UnluckyClients; i++)
        {
            var network = new BadNetwork(listener.LocalEndPoint, Fault, _options.Seed + i, _real.Add);
            _networks.Add(network);
            var client = new HonestClient(clients, network.EndPoint, $"unlucky client {i}", 100 + i);
            running.Add(RunAsync(client, over));
            if (i % 2 == 0) running.Add(MoveAsync(client, network, over.Token));
        }

        for (var i = 0; i < Senders; i++)
            running.Add(AttackAsync(
                listener.LocalEndPoint, IPAddress.Parse($"127.0.0.{10 + i}"),
                new PacketMaker(new Random(_options.Seed + i), hello, _real), i, over.Token));

        await Task.WhenAll(running);
        foreach (var network in _networks) await network.DisposeAsync();
        await listener.DisposeAsync();
        await serving;
        server.AbortAll();
        var report = new FuzzReport(_faults, _clients.Sum(client => client.Echoed), _hostile, _growth);
        foreach (var fault in _faults) _tell($"FAULT: {fault}");
        _tell(Summary());
        return report;
    }

    private async Task RunAsync(HonestClient client, CancellationTokenSource over)
    {
        _clients.Add(client);
        await Task.Yield();
        if (await client.RunAsync(over.Token) is not { } fault) return;
        _faults.Enqueue($"after {_clock.Elapsed}: {fault}");
        await over.CancelAsync();
    }

    // Each sends every third packet, when it is due: a late tick makes up for itself.
    private async Task AttackAsync(
        IPEndPoint server, IPAddress from, PacketMaker maker, int sender, CancellationToken stop)
    {
        await Task.Yield();
        var begun = Stopwatch.GetTimestamp();
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        var stranger = new Stranger(server, from);
        try
        {
            var next = (long)sender;
            for (var tick = 0; await ticks.WaitForNextTickAsync(stop); tick++)
            {
                for (; next < Stopwatch.GetElapsedTime(begun).TotalSeconds * _options.Rate; next += Senders)
                {
                    stop.ThrowIfCancellationRequested(); // the machine may be too slow for the rate
                    await stranger.SendAsync(maker.Next());
                    Interlocked.Increment(ref _hostile);
                }

                if (tick % 100 != 99) continue;
                stranger.Dispose(); // from another port from here on
                stranger = new Stranger(server, from);
            }
        }
        catch (OperationCanceledException)
        {
            // The time is over.
        }
        finally
        {
            stranger.Dispose();
        }
    }

    private static async Task MoveAsync(HonestClient client, BadNetwork network, CancellationToken stop)
    {
        using var ticks = new PeriodicTimer(MoveInterval);
        try
        {
            while (await ticks.WaitForNextTickAsync(stop))
                if (client.IsConnected) network.Move();
        }
        catch (OperationCanceledException)
        {
            // The time is over.
        }
    }

    /// <summary>What the process has after a fifth of the time, 30 s at most, is what it is measured by.</summary>
    private async Task WatchMemoryAsync(CancellationTokenSource over)
    {
        var warm = TimeSpan.FromSeconds(Math.Min(30, _options.Time.TotalSeconds / 5));
        long? atFirst = null;
        using var ticks = new PeriodicTimer(WatchInterval);
        try
        {
            while (await ticks.WaitForNextTickAsync(over.Token))
            {
                if (_clock.Elapsed < warm) continue;
                using var process = Process.GetCurrentProcess();
                atFirst ??= process.WorkingSet64;
                _growth = Math.Max(_growth, process.WorkingSet64 - atFirst.Value);
                if (_growth <= _options.Growth) continue;
                _faults.Enqueue(
                    $"after {_clock.Elapsed}: memory grew by {_growth >> 20} MiB from {atFirst >> 20} MiB; "
                    + $"allowed: {_options.Growth >> 20} MiB");
                await over.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The time is over.
        }
    }

    private async Task ReportAsync(CancellationToken stop)
    {
        using var ticks = new PeriodicTimer(ReportInterval);
        try
        {
            while (await ticks.WaitForNextTickAsync(stop)) _tell(Summary());
        }
        catch (OperationCanceledException)
        {
            // The time is over.
        }
    }

    private string Summary() =>
        $"{_clock.Elapsed:hh\\:mm\\:ss}: {_hostile} hostile packets, {_clients.Sum(client => client.Echoed) >> 20} MiB echoed, "
        + $"memory {Environment.WorkingSet >> 20} MiB (grown by {_growth >> 20}), {_faults.Count} faults";
}
