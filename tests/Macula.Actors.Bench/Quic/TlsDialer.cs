using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Macula.Actors.Bench.Quic;

/// <summary>Connects with SslStream over TCP.</summary>
internal sealed class TlsDialer(IPEndPoint server, string fingerprint) : IDialer
{
    private readonly SslClientAuthenticationOptions _options = Tls.Client(fingerprint);

    public async Task<ILink> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(_options);
        return new Link(stream);
    }

    private sealed class Link(SslStream stream) : ILink
    {
        public ValueTask<IFlow> OpenAsync() => new(new Flow(stream));

        public ValueTask DisposeAsync() => stream.DisposeAsync();
    }

    private sealed class Flow(SslStream stream) : IFlow
    {
        private byte[]? _buffer;

        public ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes);

        public async ValueTask<long> ReceiveAsync() => await stream.ReadAsync(_buffer ??= new byte[64 * 1024]);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the link's
    }
}
