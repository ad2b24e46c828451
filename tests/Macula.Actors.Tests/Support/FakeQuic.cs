using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests;

/// <summary>A provider whose dials, connections and streams are in the hands of the spec.</summary>
internal sealed class FakeQuic : IQuicProvider
{
    private readonly Channel<FakeDial> _dials = Channel.CreateUnbounded<FakeDial>();
    private int _count;

    public string Name => "fake";

    public QuicSupport Support => new(true, "");

    /// <summary>Dials so far.</summary>
    public int Dials => Volatile.Read(ref _count);

    public ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, CancellationToken cancellationToken = default)
    {
        var dial = new FakeDial(options, cancellationToken);
        Interlocked.Increment(ref _count);
        _dials.Writer.TryWrite(dial);
        return new ValueTask<IQuicConnection>(dial.Result);
    }

    /// <summary>The next dial that nobody has taken yet.</summary>
    public Task<FakeDial> Next() => _dials.Reader.ReadAsync().AsTask().Soon();
}

/// <summary>A dial that ends as the spec says; it does not listen to its own cancellation, as a slow provider.</summary>
internal sealed class FakeDial(QuicConnectOptions options, CancellationToken cancellation)
{
    private readonly TaskCompletionSource<IQuicConnection> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public QuicConnectOptions Options => options;

    public bool IsCancelled => cancellation.IsCancellationRequested;

    public Task<IQuicConnection> Result => _result.Task;

    public FakeConnection Succeed()
    {
        var connection = new FakeConnection();
        _result.SetResult(connection);
        return connection;
    }

    public void Fail(QuicTransportError error = QuicTransportError.ConnectionRefused) =>
        _result.SetException(new QuicTransportException(error, "nobody is there"));
}

internal sealed class FakeConnection : IQuicConnection
{
    private readonly TaskCompletionSource<QuicClosed> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly List<FakeMeshStream> _streams = [];
    private int _asked;

    /// <summary>How the next streams come; null: at once.</summary>
    public Func<CancellationToken, ValueTask<IQuicStream>>? Opening { get; set; }

    /// <summary>Whether an orderly close never comes to its end.</summary>
    public bool CloseHangs { get; set; }

    /// <summary>How it was closed in order, if it was.</summary>
    public long? ClosedWith { get; private set; }

    public bool IsAborted { get; private set; }

    /// <summary>Streams that were asked for.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public IReadOnlyList<FakeMeshStream> Streams
    {
        get
        {
            lock (_gate) return [.. _streams];
        }
    }

    public bool HasEnded => Closed.IsCompleted;

    public IPEndPoint LocalEndPoint { get; } = new(IPAddress.Loopback, 1);

    public IPEndPoint RemoteEndPoint { get; } = new(IPAddress.Loopback, 2);

    public string ApplicationProtocol => "macula";

    public string? ServerName => null;

    public X509Certificate2? RemoteCertificate => null;

    public Task<QuicClosed> Closed => _closed.Task;

    public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _asked);
        return Opening is { } opening ? opening(cancellationToken) : new ValueTask<IQuicStream>(NewStream());
    }

    public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public FakeMeshStream NewStream()
    {
        lock (_gate)
        {
            var stream = new FakeMeshStream(this, _streams.Count * 4);
            _streams.Add(stream);
            return stream;
        }
    }

    public ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default)
    {
        ClosedWith = errorCode;
        if (CloseHangs) return new ValueTask(new TaskCompletionSource().Task);
        End(new QuicClosed(QuicTransportError.None, errorCode, false, reason));
        return ValueTask.CompletedTask;
    }

    public void Abort(long errorCode, string reason = "")
    {
        if (HasEnded) return;
        IsAborted = true;
        End(new QuicClosed(QuicTransportError.OperationAborted, errorCode, false, reason));
    }

    /// <summary>The peer or the network ends it.</summary>
    public void Die() => End(new QuicClosed(QuicTransportError.ConnectionIdle, null, true, "nothing was heard"));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void End(QuicClosed how)
    {
        _closed.TrySetResult(how);
        foreach (var stream in Streams) stream.End();
    }
}

internal sealed class FakeMeshStream(FakeConnection connection, long id) : IQuicStream
{
    private readonly Pipe _in = new();
    private readonly Pipe _out = new();
    private readonly TaskCompletionSource _closed = new();

    public long Id => id;

    public bool CanRead => true;

    public bool CanWrite => true;

    public long? StopCode => null;

    public PipeReader Input => _in.Reader;

    public PipeWriter Output => _out.Writer;

    public IQuicConnection Connection => connection;

    public Task Closed => _closed.Task;

    public bool IsAborted { get; private set; }

    /// <summary>Whether it goes on after its reset until the spec ends it, as while the peer has not acknowledged that.
    /// </summary>
    public bool Lingers { get; set; }

    public void Abort(QuicAbortDirection direction, long errorCode)
    {
        IsAborted = true;
        if (!Lingers) End();
    }

    /// <summary>The peer's answer is read.</summary>
    public async Task Answer(ReadOnlyMemory<byte> bytes)
    {
        await _in.Writer.WriteAsync(bytes);
        await _in.Writer.CompleteAsync();
    }

    /// <summary>Both directions are over.</summary>
    public void End() => _closed.TrySetResult();

    public ValueTask DisposeAsync()
    {
        End();
        return ValueTask.CompletedTask;
    }
}
