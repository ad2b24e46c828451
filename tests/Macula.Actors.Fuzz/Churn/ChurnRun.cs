using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Fuzz.Churn;

/// <summary>Many short connections, then many short streams, against a server whose memory must stay as it is.</summary>
internal sealed class ChurnRun : IAsyncDisposable
{
    private const int Marks = 20;
    private const int WarmMarks = 4; // the first 20 %
    private const int AtOnce = 32;
    private const int Connections = 64;
    private const int EchoSize = 100;

    /// <summary>For one connection or stream, from its beginning to its end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);

    private readonly ServerProcess _server;
    private readonly Action<string> _tell;
    private readonly CancellationToken _stop;
    private readonly Ngtcp2Provider _clients = new();
    private readonly QuicConnectOptions _dial;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly List<string> _faults = [];
    private Holdings? _last;
    private int _echoes;

    private ChurnRun(ServerProcess server, Action<string> tell, CancellationToken stop)
    {
        (_server, _tell, _stop) = (server, tell, stop);
        _dial = new QuicConnectOptions
        {
            EndPoint = server.EndPoint,
            ServerName = "localhost",
            Trust = QuicTrust.Pinned(server.Fingerprint),
        };
    }

    /// <param name="tell">Gets lines for people: what the server holds at every 5 %.</param>
    /// <param name="stop">Ends it early, with an <see cref="OperationCanceledException"/>.</param>
    public static async Task<ChurnReport> RunAsync(
        ChurnOptions options, Action<string> tell, CancellationToken stop = default)
    {
        var server = ServerProcess.Start(
            typeof(ChurnRun).Assembly.Location, ChurnServer.Name,
            options.Leak.ToString(CultureInfo.InvariantCulture));
        await using var run = new ChurnRun(server, tell, stop);
        await run.RunAsync(options);
        foreach (var fault in run._faults) tell($"FAULT: {fault}");
        return new ChurnReport(run._faults, run._echoes, run._last);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task RunAsync(ChurnOptions options)
    {
        _tell("|  time | done               |  resident |  managed |    native | handles | connections | tombstones |");
        _tell("|------:|-------------------:|----------:|---------:|----------:|--------:|------------:|-----------:|");
        var step = "connect";
        try
        {
            await RepeatAsync("handshakes", options.Handshakes, AtOnce, live: 0, _ => ConnectAndCloseAsync());
            step = "connect 64 times";
            var open = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => ConnectAsync()));
            step = "echo on a stream";
            await RepeatAsync("streams", options.Streams, Connections, live: Connections, i => EchoAsync(open[i]));
            step = "close";
            foreach (var connection in open) await CloseAsync(connection);
            await EndAsync();
        }
        catch (Exception fault) when (fault is QuicTransportException or TimeoutException or InvalidDataException
                                          or InvalidOperationException or IOException)
        {
            _faults.Add($"after {_clock.Elapsed}, {_echoes} echoes: could not {step}: {fault.Message}");
        }
    }

    /// <summary>So many, some at once; the server is measured at every mark, when none is under way.</summary>
    /// <param name="live">Connections that the server must have then, no more and no fewer.</param>
    private async Task RepeatAsync(string what, int count, int atOnce, int live, Func<int, Task> step)
    {
        FlatBound? bound = null;
        var done = 0;
        for (var mark = 1; mark <= Marks && _faults.Count == 0; mark++)
        {
            var left = (int)((long)count * mark / Marks) - done;
            done += left;
            await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async worker =>
            {
                while (Interlocked.Decrement(ref left) >= 0)
                {
                    await step(worker).WaitAsync(Patience, _stop);
                    Interlocked.Increment(ref _echoes);
                }
            }));
            var now = await MeasureAsync($"{done} {what}", live);
            if (mark == WarmMarks) bound = new FlatBound(now);
            foreach (var fault in bound?.Check(now) ?? []) _faults.Add($"after {done} {what}: {fault}");
        }
    }

    /// <summary>With the last connection gone, and the memory of it too.</summary>
    private async Task EndAsync()
    {
        for (var start = Stopwatch.GetTimestamp(); (await AskAsync(live: 0)).Tombstones > 0;)
            if (Stopwatch.GetElapsedTime(start) > Patience) throw new TimeoutException("tombstones stay");
        await MeasureAsync("all closed", live: 0);
    }

    private async Task<Holdings> MeasureAsync(string done, int live)
    {
        var now = _last = await AskAsync(live);
        _tell(
            $"| {_clock.Elapsed:mm\\:ss} | {done,18} | {FlatBound.Mebibytes(now.Resident),9} | {FlatBound.Mebibytes(now.Managed),8} "
            + $"| {FlatBound.Mebibytes(now.Native),9} | {now.Handles,7} | {now.Connections,11} | {now.Tombstones,10} |");
        if (now.Connections != live || now.Streams != 0)
            _faults.Add(
                $"after {done}: the server has {now.Connections} connections and {now.Streams} streams; "
                + $"there should be {live} and 0");
        return now;
    }

    /// <summary>What the server holds once it has so many connections.</summary>
    private async Task<Holdings> AskAsync(int live) => JsonSerializer.Deserialize<Holdings>(
        await _server.AskAsync(live.ToString(CultureInfo.InvariantCulture)))!;

    private async Task ConnectAndCloseAsync()
    {
        var connection = await ConnectAsync();
        await EchoAsync(connection);
        await CloseAsync(connection);
    }

    private async Task<IQuicConnection> ConnectAsync() => await _clients.ConnectAsync(_dial, _stop);

    private static async Task CloseAsync(IQuicConnection connection)
    {
        await connection.CloseAsync(0);
        await connection.DisposeAsync();
    }

    private static async Task EchoAsync(IQuicConnection connection)
    {
        await using var stream = await connection.OpenStreamAsync();
        var sent = new byte[EchoSize];
        Random.Shared.NextBytes(sent);
        await stream.Output.WriteAsync(sent);
        await stream.Output.CompleteAsync();
        using var heard = new MemoryStream(EchoSize);
        await stream.Input.CopyToAsync(heard);
        if (!heard.GetBuffer().AsSpan(0, (int)heard.Length).SequenceEqual(sent))
            throw new InvalidDataException($"{EchoSize} bytes were sent, and {heard.Length} others came back");
    }
}
