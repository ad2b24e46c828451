using System.Net;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Quic;

/// <summary>Connects with providers of ours, one after another: each has a port of its own.</summary>
internal sealed class QuicDialer(
    IReadOnlyList<IQuicProvider> providers, IPEndPoint server, string fingerprint, Windows windows) : IDialer
{
    private readonly QuicConnectOptions _options = windows.Of(new QuicConnectOptions
    {
        EndPoint = server,
        Trust = QuicTrust.Pinned(fingerprint),
        IdleTimeout = TimeSpan.FromMinutes(10),
        HandshakeTimeout = TimeSpan.FromSeconds(30),
    });

    private int _next;

    public async Task<ILink> ConnectAsync() => new Link(
        await providers[(int)((uint)Interlocked.Increment(ref _next) % providers.Count)].ConnectAsync(_options));

    private sealed class Link(IQuicConnection connection) : ILink
    {
        public async ValueTask<IFlow> OpenAsync() => new Flow(await connection.OpenStreamAsync());

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }

    private sealed class Flow(IQuicStream stream) : IFlow
    {
        public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => await stream.Output.WriteAsync(bytes);

        public async ValueTask<long> ReceiveAsync()
        {
            var read = await stream.Input.ReadAsync();
            var count = read.Buffer.Length;
            stream.Input.AdvanceTo(read.Buffer.End);
            return count;
        }

        public ValueTask DisposeAsync() => stream.DisposeAsync();
    }
}
