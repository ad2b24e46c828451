using System.IO.Pipelines;
using System.Net;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>A listener and helpers to connect to it; every wait has a deadline.</summary>
internal sealed class Pair(Ngtcp2Provider provider, IQuicListener listener) : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public Ngtcp2Provider Provider => provider;

    public IQuicListener Listener => listener;

    public static QuicListenOptions Listening { get; } = new()
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        Certificate = TestCertificates.Shared.Server,
    };

    public static async Task<Pair> Listen(Func<QuicListenOptions, QuicListenOptions>? change = null)
    {
        var provider = new Ngtcp2Provider();
        var options = change?.Invoke(Listening) ?? Listening;
        return new Pair(provider, await provider.ListenAsync(options));
    }

    public QuicConnectOptions Connecting => new()
    {
        EndPoint = listener.LocalEndPoint,
        ServerName = "localhost",
        Trust = TestCertificates.Shared.Trust,
    };

    public async Task<IQuicConnection> Connect(Func<QuicConnectOptions, QuicConnectOptions>? change = null) =>
        await provider.ConnectAsync(change?.Invoke(Connecting) ?? Connecting).AsTask().WaitAsync(Patience);

    public async Task<IQuicConnection> Accept() =>
        await listener.AcceptConnectionAsync().AsTask().WaitAsync(Patience);

    public async Task<(IQuicConnection Client, IQuicConnection Server)> Both(
        Func<QuicConnectOptions, QuicConnectOptions>? change = null)
    {
        var accepting = Accept();
        var client = await Connect(change);
        return (client, await accepting);
    }

    /// <summary>A stream of each side of a new connection; the server has read the greeting byte.</summary>
    public async Task<(IQuicStream Client, IQuicStream Server)> Streams(
        Func<QuicConnectOptions, QuicConnectOptions>? change = null)
    {
        var (client, server) = await Both(change);
        var mine = await client.OpenStreamAsync().AsTask().WaitAsync(Patience);
        await mine.Output.WriteAsync(new byte[] { 1 }).AsTask().WaitAsync(Patience);
        var theirs = await server.AcceptStreamAsync().AsTask().WaitAsync(Patience);
        await ReadExactly(theirs.Input, 1);
        return (mine, theirs);
    }

    public static async Task<byte[]> ReadExactly(PipeReader reader, int count)
    {
        var result = await reader.ReadAtLeastAsync(count).AsTask().WaitAsync(Patience);
        Assert.True(result.Buffer.Length >= count, $"the stream ended after {result.Buffer.Length} bytes");
        var bytes = System.Buffers.BuffersExtensions.ToArray(result.Buffer.Slice(0, count));
        reader.AdvanceTo(result.Buffer.GetPosition(count));
        return bytes;
    }

    public static async Task<byte[]> ReadToEnd(PipeReader reader)
    {
        using var all = new MemoryStream();
        await reader.CopyToAsync(all).WaitAsync(Patience);
        return all.ToArray();
    }

    public ValueTask DisposeAsync() => listener.DisposeAsync();
}
