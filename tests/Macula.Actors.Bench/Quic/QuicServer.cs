using System.Buffers;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Bench.Quic;

/// <summary>Serves every stream of every connection as its <see cref="Purpose"/> says.</summary>
internal sealed class QuicServer(IQuicListener listener) : IServer
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    public IPEndPoint EndPoint => listener.LocalEndPoint;

    public static async Task<QuicServer> StartAsync(X509Certificate2 certificate, Windows windows, int loops = 1)
    {
        var provider = new Ngtcp2Provider(options: new Ngtcp2Options { Loops = loops });
        var server = new QuicServer(await provider.ListenAsync(windows.Of(new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = certificate,
            IdleTimeout = TimeSpan.FromMinutes(10),
        })));
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

    private static async Task ServeAsync(IQuicConnection connection)
    {
        try
        {
            while (true) _ = ServeAsync(await connection.AcceptStreamAsync());
        }
        catch (QuicTransportException)
        {
            await connection.DisposeAsync(); // the peer has gone
        }
    }

    private static async Task ServeAsync(IQuicStream stream)
    {
        try
        {
            var read = await stream.Input.ReadAsync();
            if (read.Buffer.IsEmpty) return; // no order at all
            var purpose = read.Buffer.FirstSpan[0];
            if (purpose == Purpose.Echo)
            {
                stream.Input.AdvanceTo(read.Buffer.GetPosition(1));
                await EchoAsync(stream);
            }
            else
            {
                stream.Input.AdvanceTo(read.Buffer.Start);
                await DownloadAsync(stream);
            }
        }
        catch (QuicTransportException)
        {
            // The peer has gone.
        }
        finally
        {
            await stream.DisposeAsync();
        }
    }

    private static async Task EchoAsync(IQuicStream stream)
    {
        while (true)
        {
            var read = await stream.Input.ReadAsync();
            foreach (var segment in read.Buffer) stream.Output.Write(segment.Span);
            stream.Input.AdvanceTo(read.Buffer.End);
            if ((await stream.Output.FlushAsync()).IsCompleted || read.IsCompleted) return;
        }
    }

    private static async Task DownloadAsync(IQuicStream stream)
    {
        var read = await stream.Input.ReadAtLeastAsync(Purpose.DownloadSize);
        var left = Size(read.Buffer);
        stream.Input.AdvanceTo(read.Buffer.End);
        for (; left > 0; left -= Zeros.Length)
            await stream.Output.WriteAsync(Zeros.AsMemory(0, (int)Math.Min(left, Zeros.Length)));

        static long Size(ReadOnlySequence<byte> order)
        {
            var reader = new SequenceReader<byte>(order.Slice(1));
            return reader.TryReadLittleEndian(out long size)
                ? size
                : throw new InvalidOperationException($"an order of {order.Length} bytes, not {Purpose.DownloadSize}");
        }
    }
}
