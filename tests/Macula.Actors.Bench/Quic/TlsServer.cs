using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Bench.Quic;

/// <summary>Serves every connection as its <see cref="Purpose"/> says; waits without a buffer.</summary>
internal sealed class TlsServer : IServer
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly SslServerAuthenticationOptions _options;

    public TlsServer(X509Certificate2 certificate)
    {
        _options = Tls.Server(certificate);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        _ = AcceptAsync();
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (SocketException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        await using var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await stream.AuthenticateAsServerAsync(_options);
            var came = await stream.ReadAsync(Memory<byte>.Empty); // waits, and takes nothing
            var order = new byte[Purpose.DownloadSize];
            came += await stream.ReadAsync(order.AsMemory(0, 1));
            if (came == 0) return;
            if (order[0] == Purpose.Echo) await EchoAsync(stream);
            else await DownloadAsync(stream, order);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The peer has gone.
        }
    }

    private static async Task EchoAsync(SslStream stream)
    {
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer) is > 0 and var count) await stream.WriteAsync(buffer.AsMemory(0, count));
    }

    private static async Task DownloadAsync(SslStream stream, byte[] order)
    {
        while (true)
        {
            await stream.ReadExactlyAsync(order.AsMemory(1));
            for (var left = BinaryPrimitives.ReadInt64LittleEndian(order.AsSpan(1)); left > 0; left -= Zeros.Length)
                await stream.WriteAsync(Zeros.AsMemory(0, (int)Math.Min(left, Zeros.Length)));
            if (await stream.ReadAsync(order.AsMemory(0, 1)) == 0) return; // the next order, or the end
        }
    }
}
