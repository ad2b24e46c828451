using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Transport.Tests.Contract;

/// <summary>What every <see cref="IQuicProvider"/> must do. A provider's subclass names it and says how time passes.
/// The facts stand in the other files of this class, by topic.</summary>
public abstract partial class QuicProviderContract : IAsyncLifetime
{
    /// <summary>The deadline of every await; a fact that needs it has failed.</summary>
    protected static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private const int StallSize = 2_000_000;

    private readonly List<IAsyncDisposable> _open = [];
    private readonly List<Task> _echoes = [];

    protected abstract IQuicProvider Provider { get; }

    /// <summary>An idle time-out that is short for this provider and still well above its timers' resolution.</summary>
    protected virtual TimeSpan ShortIdle => TimeSpan.FromMilliseconds(500);

    /// <summary>An idle time-out that a busy machine does not reach by being late.</summary>
    private TimeSpan PatientIdle => ShortIdle * 4;

    /// <summary>Moves a virtual clock, where a provider has one. Real time passes by itself: what comes of it is waited for.
    /// </summary>
    protected virtual void Advance(TimeSpan time)
    {
    }

    /// <summary>For what must not happen: returns once a connection that says nothing has ended by this idle time-out.
    /// </summary>
    private async Task OutlastAsync(TimeSpan idle)
    {
        const int Steps = 8; // each shorter than a keep-alive
        var silent = await SilentAsync(idle);
        for (var i = 0; i < Steps; i++)
        {
            Advance(idle / 5);
            await Task.Yield();
        }

        Assert.Equal(QuicTransportError.ConnectionIdle, (await silent.Closed.WaitAsync(Soon)).Error);
    }

    private async Task<IQuicConnection> SilentAsync(TimeSpan idle) =>
        (await PairAsync(options => options with { IdleTimeout = idle }, options => options with { IdleTimeout = idle })).Client;

    /// <summary>An address whose owner never answers.</summary>
    protected virtual EndPoint SilentEndPoint()
    {
        var socket = Keep(new Silence());
        return socket.LocalEndPoint;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        for (var i = _open.Count - 1; i >= 0; i--) await _open[i].DisposeAsync().AsTask().WaitAsync(Soon);
        await Task.WhenAll(_echoes).WaitAsync(Soon); // the next spec may count what is left
    }

    protected static QuicListenOptions ListenOptions => new()
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        Certificate = TestCertificates.Shared.Server,
    };

    protected static QuicConnectOptions ConnectOptions(IPEndPoint to) => new()
    {
        EndPoint = to,
        ServerName = "localhost",
        Trust = TestCertificates.Shared.Trust,
    };

    protected async Task<IQuicListener> ListenAsync(Func<QuicListenOptions, QuicListenOptions>? with = null)
    {
        var options = with is null ? ListenOptions : with(ListenOptions);
        return Keep(await Provider.ListenAsync(options).AsTask().WaitAsync(Soon));
    }

    protected async Task<IQuicConnection> ConnectAsync(
        IQuicListener to, Func<QuicConnectOptions, QuicConnectOptions>? with = null)
    {
        var options = with is null ? ConnectOptions(to.LocalEndPoint) : with(ConnectOptions(to.LocalEndPoint));
        return Keep(await Provider.ConnectAsync(options).AsTask().WaitAsync(Soon));
    }

    protected async Task<IQuicConnection> AcceptAsync(IQuicListener listener) =>
        Keep(await listener.AcceptConnectionAsync().AsTask().WaitAsync(Soon));

    /// <summary>Both ends of a connection.</summary>
    protected async Task<(IQuicConnection Client, IQuicConnection Server)> PairAsync(
        Func<QuicListenOptions, QuicListenOptions>? listen = null,
        Func<QuicConnectOptions, QuicConnectOptions>? connect = null)
    {
        var listener = await ListenAsync(listen);
        var accepting = AcceptAsync(listener);
        var client = await ConnectAsync(listener, connect);
        return (client, await accepting);
    }

    /// <summary>Both ends of a stream that has carried the byte <c>!</c>, already read, from its opener.</summary>
    protected static async Task<(IQuicStream Opened, IQuicStream Accepted)> StreamAsync(
        IQuicConnection opener, IQuicConnection acceptor)
    {
        var opened = await OpenAsync(opener);
        await WriteAsync(opened, "!"u8.ToArray());
        var accepted = await AcceptStreamAsync(acceptor);
        Assert.Equal("!"u8.ToArray(), await ReadAsync(accepted, 1));
        return (opened, accepted);
    }

    protected static Task<IQuicStream> OpenAsync(IQuicConnection connection) =>
        connection.OpenStreamAsync().AsTask().WaitAsync(Soon);

    protected static Task<IQuicStream> AcceptStreamAsync(IQuicConnection connection) =>
        connection.AcceptStreamAsync().AsTask().WaitAsync(Soon);

    protected static Task<FlushResult> WriteAsync(IQuicStream stream, byte[] bytes) =>
        stream.Output.WriteAsync(bytes).AsTask().WaitAsync(Soon);

    /// <summary>Reads so many bytes and consumes them.</summary>
    protected static async Task<byte[]> ReadAsync(IQuicStream stream, int count)
    {
        var result = await stream.Input.ReadAtLeastAsync(count).AsTask().WaitAsync(Soon);
        Assert.True(result.Buffer.Length >= count, $"the stream ended after {result.Buffer.Length} of {count} bytes");
        var wanted = result.Buffer.Slice(0, count);
        var bytes = wanted.ToArray();
        stream.Input.AdvanceTo(wanted.End);
        return bytes;
    }

    /// <summary>Reads up to the FIN.</summary>
    protected static async Task<byte[]> ReadToEndAsync(IQuicStream stream)
    {
        using var all = new MemoryStream();
        await stream.Input.CopyToAsync(all).WaitAsync(Soon);
        return all.ToArray();
    }

    protected static async Task<QuicTransportException> FailsAsync(QuicTransportError error, Func<Task> action)
    {
        var thrown = await Assert.ThrowsAsync<QuicTransportException>(() => action().WaitAsync(Soon));
        Assert.True(error == thrown.Error, $"expected {error}, got {thrown.Error}: {thrown.Message}");
        return thrown;
    }

    protected static byte[] SomeBytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Writes more than all windows and buffers of <see cref="Narrow{T}"/> hold: while nobody reads, the flush
    /// waits.</summary>
    protected static Task<FlushResult> Stall(IQuicStream stream, CancellationToken cancellationToken = default)
    {
        var flush = stream.Output.WriteAsync(new byte[StallSize], cancellationToken).AsTask();
        Assert.False(flush.IsCompleted);
        return flush;
    }

    /// <summary>Sends back what arrives, up to the FIN, on every stream that the peer opens.</summary>
    protected Task EchoAsync(IQuicConnection connection)
    {
        var echoing = RunAsync();
        lock (_open) _echoes.Add(echoing);
        return echoing;

        async Task RunAsync()
        {
            List<Task> streams = [];
            try
            {
                while (true) streams.Add(EchoAsync(await connection.AcceptStreamAsync()));
            }
            catch (QuicTransportException)
            {
                // The connection ended, as all do.
            }

            await Task.WhenAll(streams);
        }
    }

    private static async Task EchoAsync(IQuicStream stream)
    {
        try
        {
            await stream.Input.CopyToAsync(stream.Output);
            await stream.Output.CompleteAsync();
            await stream.Closed.WaitAsync(Soon);
        }
        catch (QuicTransportException)
        {
            // The peer gave the stream up.
        }

        await stream.DisposeAsync();
    }

    /// <summary>Opens a stream, has the bytes echoed, and closes it.</summary>
    protected static async Task AssertEchoAsync(IQuicConnection connection, byte[] bytes)
    {
        await using var stream = await OpenAsync(connection);
        var writing = Task.Run(async () =>
        {
            await WriteAsync(stream, bytes);
            await stream.Output.CompleteAsync();
        });
        Assert.Equal(bytes, await ReadToEndAsync(stream));
        await writing.WaitAsync(Soon);
    }

    protected T Keep<T>(T item) where T : IAsyncDisposable
    {
        lock (_open) _open.Add(item);
        return item;
    }

    private sealed class Silence : IAsyncDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

        public Silence() => _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        public EndPoint LocalEndPoint => _socket.LocalEndPoint!;

        public ValueTask DisposeAsync()
        {
            _socket.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
