using System.IO.Pipelines;
using System.Net;
using Macula.Actors.Transport;

namespace Macula.Actors.Fuzz;

/// <summary>Connects, has bytes echoed on stream after stream, and comes back with a new connection now and then.
/// </summary>
/// <param name="name">For faults.</param>
internal sealed class HonestClient(IQuicProvider provider, IPEndPoint server, string name, int seed)
{
    /// <summary>A bad network may lose a packet and its repetitions several times over; more is a fault.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(25);

    private const int MostBytes = 60_000;
    private const int StreamsPerConnection = 40;

    // As real clients have it: who moves and says nothing cannot be found again.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(2);

    private readonly Random _random = new(seed);

    /// <summary>Without any progress.</summary>
    public TimeSpan Patience { get; init; } = DefaultPatience;

    public long Echoed { get; private set; }

    /// <summary>The server has confirmed the handshake. Before that nobody may move (RFC 9000, section 9).</summary>
    public bool IsConnected { get; private set; }

    /// <returns>Null when it was stopped; else what went wrong.</returns>
    public async Task<string?> RunAsync(CancellationToken stop)
    {
        var step = "connect";
        try
        {
            while (!stop.IsCancellationRequested)
            {
                step = "connect";
                await using var connection = await ConnectAsync();
                IsConnected = true;
                for (var i = 0; i < StreamsPerConnection && !stop.IsCancellationRequested; i++)
                {
                    step = $"echo on stream {i} of {connection.LocalEndPoint}";
                    await EchoAsync(connection); // what has begun is finished
                }

                step = "close";
                IsConnected = false;
                await connection.CloseAsync(0, cancellationToken: CancellationToken.None).AsTask()
                    .WaitAsync(Patience, CancellationToken.None);
            }

            return null;
        }
        catch (Exception fault) when (fault is QuicTransportException or TimeoutException or InvalidDataException)
        {
            return $"{name} could not {step}: {fault.Message}";
        }
    }

    private Task<IQuicConnection> ConnectAsync() => provider.ConnectAsync(new QuicConnectOptions
    {
        EndPoint = server,
        ServerName = "localhost",
        Trust = QuicTrust.Anything,
        HandshakeTimeout = Patience,
        KeepAliveInterval = KeepAlive,
    }).AsTask().WaitAsync(Patience);

    private async Task EchoAsync(IQuicConnection connection)
    {
        await using var stream = await connection.OpenStreamAsync().AsTask().WaitAsync(Patience);
        var sent = new byte[_random.Next(1, MostBytes)];
        _random.NextBytes(sent);
        var sending = SendAsync(stream.Output, sent);
        using var heard = new MemoryStream(sent.Length);
        await HearAsync(stream.Input, heard, sent.Length);
        await sending.WaitAsync(Patience);
        if (!sent.AsSpan().SequenceEqual(heard.GetBuffer().AsSpan(0, (int)heard.Length)))
            throw new InvalidDataException($"{sent.Length} bytes were sent, and {heard.Length} others came back");
        Echoed += sent.Length;
    }

    private async Task HearAsync(PipeReader input, MemoryStream heard, int expected)
    {
        while (true)
        {
            var reading = input.ReadAsync().AsTask();
            if (!await ComesAsync(reading))
            {
                // Whether it stands still or is slow says where to look.
                var end = await ComesAsync(reading) ? "then it went on" : "and as long again";
                throw new TimeoutException($"nothing for {Patience} after {heard.Length} of {expected} bytes, {end}");
            }

            var read = await reading;
            foreach (var part in read.Buffer) heard.Write(part.Span);
            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return;
        }
    }

    private async Task<bool> ComesAsync(Task awaited)
    {
        try
        {
            await awaited.WaitAsync(Patience);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static async Task SendAsync(PipeWriter output, ReadOnlyMemory<byte> bytes)
    {
        await output.WriteAsync(bytes);
        await output.CompleteAsync();
    }
}
