using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>A listener, and helpers to connect to it; every wait has a deadline.</summary>
internal sealed class Pair(Ngtcp2Provider provider, IQuicListener listener) : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static QuicListenOptions Listening { get; } = new()
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        Certificate = TestCertificates.Shared.Server,
    };

    public IQuicListener Listener => listener;

    public TransportMetrics Metrics => provider.Metrics;

    public LoopGroup Group => ((Transport.Ngtcp2.Listener)listener).Group;

    public Admission Admission => ((Transport.Ngtcp2.Listener)listener).State.Admission;

    /// <summary>The first loop.</summary>
    public Transport.Ngtcp2.Loop.Endpoint Endpoint => Group.Loops[0];

    public QuicConnectOptions Connecting => new()
    {
        EndPoint = listener.LocalEndPoint,
        ServerName = "localhost",
        Trust = TestCertificates.Shared.Trust,
    };

    public static async Task<Pair> Listen(
        Func<QuicListenOptions, QuicListenOptions>? change = null, Ngtcp2Options? defence = null, int loops = 1)
    {
        var provider = new Ngtcp2Provider(options: (defence ?? new Ngtcp2Options()) with { Loops = loops });
        var options = change?.Invoke(Listening) ?? Listening;
        return new Pair(provider, await provider.ListenAsync(options));
    }

    public Task<IQuicConnection> Connect(Func<QuicConnectOptions, QuicConnectOptions>? change = null) =>
        provider.ConnectAsync(change?.Invoke(Connecting) ?? Connecting).AsTask().WaitAsync(Patience);

    public Task<IQuicConnection> Accept() => listener.AcceptConnectionAsync().AsTask().WaitAsync(Patience);

    public async Task<(IQuicConnection Client, IQuicConnection Server)> Both(
        Func<QuicConnectOptions, QuicConnectOptions>? change = null)
    {
        var accepting = Accept();
        var client = await Connect(change);
        return (client, await accepting);
    }

    /// <summary>Both ends of a stream of a new connection; a first byte has crossed it.</summary>
    public async Task<(IQuicStream Client, IQuicStream Server)> Streams(
        Func<QuicConnectOptions, QuicConnectOptions>? change = null)
    {
        var (client, server) = await Both(change);
        return await Streams(client, server);
    }

    public static async Task<(IQuicStream Mine, IQuicStream Theirs)> Streams(
        IQuicConnection opener, IQuicConnection acceptor)
    {
        var mine = await Open(opener);
        await Write(mine, [1]);
        var theirs = await AcceptStream(acceptor);
        await Read(theirs, 1);
        return (mine, theirs);
    }

    public static Task<IQuicStream> Open(IQuicConnection connection) =>
        connection.OpenStreamAsync().AsTask().WaitAsync(Patience);

    public static Task<IQuicStream> AcceptStream(IQuicConnection connection) =>
        connection.AcceptStreamAsync().AsTask().WaitAsync(Patience);

    public static Task<FlushResult> Write(IQuicStream stream, byte[] bytes) =>
        stream.Output.WriteAsync(bytes).AsTask().WaitAsync(Patience);

    public static async Task<byte[]> Read(IQuicStream stream, int count)
    {
        var result = await stream.Input.ReadAtLeastAsync(count).AsTask().WaitAsync(Patience);
        Assert.True(result.Buffer.Length >= count, $"the stream ended after {result.Buffer.Length} bytes");
        var bytes = result.Buffer.Slice(0, count).ToArray();
        stream.Input.AdvanceTo(result.Buffer.GetPosition(count));
        return bytes;
    }

    public static async Task<byte[]> ReadToEnd(IQuicStream stream)
    {
        using var all = new MemoryStream();
        await stream.Input.CopyToAsync(all).WaitAsync(Patience);
        return all.ToArray();
    }

    public static async Task<QuicTransportException> Fails(QuicTransportError error, Func<Task> action)
    {
        var thrown = await Assert.ThrowsAsync<QuicTransportException>(() => action().WaitAsync(Patience));
        Assert.True(error == thrown.Error, $"expected {error}, got {thrown.Error}: {thrown.Message}");
        return thrown;
    }

    public static Task<QuicClosed> Ended(IQuicConnection connection) => connection.Closed.WaitAsync(Patience);

    /// <summary>Until the loop has come so far.</summary>
    public static async Task Until(Func<bool> isSo, Func<string> told, TimeSpan? patience = null)
    {
        using var deadline = new CancellationTokenSource(patience ?? Patience);
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        bool so; // asked once more than needed it could be otherwise
        while (!(so = isSo()) && !deadline.IsCancellationRequested) await ticks.WaitForNextTickAsync();
        Assert.True(so, told());
    }

    public static byte[] SomeBytes(int count)
    {
        var bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The server's process dies: no peer hears of it.</summary>
    public async Task KillServer()
    {
        Group.Fail(Transport.Ngtcp2.Failure.LocallyAborted);
        await Group.Stopped.WaitAsync(Patience);
    }

    public ValueTask DisposeAsync() => listener.DisposeAsync();
}
