using System.Buffers;
using System.Collections.Concurrent;
using System.CommandLine;
using System.IO.Pipelines;
using System.Net;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Bench.Wire;

/// <summary>The least that a server can do over the same transport: what a node costs is measured against it.</summary>
/// <remarks>The first byte of a connection's first stream says what it is for: 'E' echoes, 'S' listens, and what comes
/// from 'P' goes to every 'S'. Nothing is parsed; messages have the size that the process was told.</remarks>
internal sealed class PlainServer(IQuicListener listener, string fingerprint, int size) : IAsyncDisposable
{
    public const string Name = "plain-server";

    private readonly ConcurrentDictionary<IQuicStream, byte> _listening = [];

    public IPEndPoint EndPoint => listener.LocalEndPoint;

    public string Fingerprint => fingerprint;

    /// <summary>Runs one in a process of its own, until its standard input ends.</summary>
    public static Command CreateCommand()
    {
        var size = new Argument<int>("size");
        var command = new Command(Name, "The other side of the plain scenarios.") { size };
        command.Hidden = true;
        command.SetAction(async (parsed, stop) =>
        {
            await using var server = await StartAsync(new Ngtcp2Provider(), parsed.GetValue(size));
            ServerProcess.Announce(server.EndPoint, server.Fingerprint);
            await Console.In.ReadToEndAsync(stop);
        });
        return command;
    }

    public static async Task<PlainServer> StartAsync(IQuicProvider provider, int size)
    {
        var certificate = Certificates.Create();
        var listener = await provider.ListenAsync(new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = certificate,
            KeepAliveInterval = TimeSpan.FromSeconds(10),
        });
        var server = new PlainServer(listener, QuicTrust.Fingerprint(certificate), size);
        _ = server.AcceptAsync();
        return server;
    }

    public ValueTask DisposeAsync() => listener.DisposeAsync();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await listener.AcceptConnectionAsync());
        }
        catch (QuicTransportException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(IQuicConnection connection)
    {
        try
        {
            await using var stream = await connection.AcceptStreamAsync();
            var read = await stream.Input.ReadAsync();
            var purpose = (char)read.Buffer.FirstSpan[0];
            stream.Input.AdvanceTo(read.Buffer.GetPosition(1));
            if (purpose == 'S') _listening[stream] = 0; // before the answer: the peer counts on it
            await stream.Output.WriteAsync(new byte[] { (byte)purpose });
            if (purpose == 'E') await EchoAsync(stream);
            else if (purpose == 'P') await PublishAsync(stream.Input);
            else await connection.Closed;
            _listening.TryRemove(stream, out _);
        }
        catch (QuicTransportException)
        {
            // The peer has gone.
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }

    private static async Task EchoAsync(IQuicStream stream)
    {
        while (true)
        {
            var read = await stream.Input.ReadAsync();
            foreach (var segment in read.Buffer) stream.Output.Write(segment.Span);
            stream.Input.AdvanceTo(read.Buffer.End);
            await stream.Output.FlushAsync();
            if (read.IsCompleted) return;
        }
    }

    private async Task PublishAsync(PipeReader input)
    {
        while (true)
        {
            var read = await input.ReadAtLeastAsync(size);
            var whole = read.Buffer.Slice(0, read.Buffer.Length / size * size);
            foreach (var (stream, _) in _listening)
            {
                foreach (var segment in whole) stream.Output.Write(segment.Span);
                await stream.Output.FlushAsync();
            }

            input.AdvanceTo(whole.End, read.Buffer.End);
            if (read.IsCompleted) return;
        }
    }
}
