using System.Buffers;
using System.IO.Pipelines;
using Macula.Actors.Transport.Pipes;

namespace Macula.Actors.Transport.Memory;

/// <summary>One end of a stream in memory.</summary>
internal sealed class MemoryQuicStream : IQuicStream, IStreamSink
{
    private readonly MemoryConnection _connection;
    private readonly MemoryPath _path;
    private readonly MemoryWindow _receiveWindow;
    private readonly StreamInput _input;
    private readonly StreamOutput _output;
    private MemoryQuicStream _peer = null!;
    private Action? _announce;

    private MemoryQuicStream(MemoryConnection connection, MemoryPath path, long id, bool canRead, bool canWrite)
    {
        var options = connection.Options;
        (_connection, _path, Id) = (connection, path, id);
        (CanRead, CanWrite) = (canRead, canWrite);
        _receiveWindow = new MemoryWindow(options.StreamReceiveWindow);
        _input = new StreamInput(0, OnReturned, OnAbandoned);
        _output = new StreamOutput(this, options.SendBuffer, options.DefaultStreamErrorCode);
        Sent = canWrite ? _output.Ended : Task.CompletedTask;
        Closed = Task.WhenAll(canRead ? _input.Ended : Task.CompletedTask, Sent);
    }

    public long Id { get; }

    public IQuicConnection Connection => _connection;

    public bool CanRead { get; }

    public bool CanWrite { get; }

    public long? StopCode => _output.StopCode;

    public PipeReader Input => CanRead ? _input : throw StreamDirections.NotReadable();

    public PipeWriter Output => CanWrite ? _output.Writer : throw StreamDirections.NotWritable();

    public Task Closed { get; }

    /// <summary>Completes when what was written has been acknowledged, or never will be.</summary>
    public Task Sent { get; }

    /// <summary>Makes both ends. The remote one is announced with the first frame from the local one.</summary>
    public static (MemoryQuicStream Local, MemoryQuicStream Remote) CreatePair(
        MemoryConnection opener, MemoryConnection acceptor, MemoryPath path, long id)
    {
        var isBidirectional = (id & 2) == 0; // RFC 9000, section 2.1
        var local = new MemoryQuicStream(opener, path, id, canRead: isBidirectional, canWrite: true);
        var remote = new MemoryQuicStream(acceptor, path, id, canRead: true, canWrite: isBidirectional);
        (local._peer, remote._peer) = (remote, local);
        local._announce = () => acceptor.OnStreamAnnounced(remote);
        return (local, remote);
    }

    public void Start()
    {
        if (CanWrite) _output.Start();
    }

    public void Abort(QuicAbortDirection direction, long errorCode)
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        if (direction.HasFlag(QuicAbortDirection.Read)) StopReading(errorCode);
        if (CanWrite && direction.HasFlag(QuicAbortDirection.Write)) _output.Reset(errorCode);
    }

    /// <summary>Finishes the sending side, even while somebody writes.</summary>
    public void Finish() => _output.Finish();

    /// <summary>The connection ended.</summary>
    public void Fail(QuicClosed closed)
    {
        _output.Fail(MemoryConnection.Error(closed));
        _input.End(MemoryConnection.Error(closed));
    }

    public ValueTask DisposeAsync()
    {
        _output.Finish();
        StopReading(_connection.Options.DefaultStreamErrorCode);
        return ValueTask.CompletedTask;
    }

    async ValueTask<long> IStreamSink.SendAsync(ReadOnlySequence<byte> bytes, CancellationToken cancellationToken)
    {
        var (window, shared) = (_peer._receiveWindow, _peer._connection.ReceiveWindow);
        while (true)
        {
            await _path.WaitAsync(cancellationToken).ConfigureAwait(false);
            Announce();
            await window.WaitAsync(cancellationToken).ConfigureAwait(false);
            await shared.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (!_path.IsUp) continue;

            var granted = window.Take(bytes.Length); // nobody else takes from this one
            var taken = shared.Take(granted);
            window.Return(granted - taken);
            if (taken == 0) continue; // another stream was faster
            var delivered = await _peer._input.DeliverAsync(bytes.Slice(0, taken)).ConfigureAwait(false);
            if (!delivered) _peer.OnReturned(taken);
            return taken;
        }
    }

    async ValueTask IStreamSink.FinishAsync(CancellationToken cancellationToken)
    {
        await _path.WaitAsync(cancellationToken).ConfigureAwait(false);
        Announce();
        _peer._input.End();
    }

    void IStreamSink.Reset(long errorCode) => _path.Post(() =>
    {
        Announce();
        _peer._input.End(new QuicTransportException(
            QuicTransportError.StreamAborted, $"the peer reset the stream with code {errorCode}", errorCode));
    });

    private void StopReading(long errorCode)
    {
        if (!CanRead) return;
        var given = new QuicTransportException(QuicTransportError.OperationAborted, "reading the stream was given up");
        _input.Abort(given, () => _path.Post(() =>
        {
            Announce();
            _peer._output.Refuse(errorCode);
        }));
    }

    private void Announce() => Interlocked.Exchange(ref _announce, null)?.Invoke();

    private void OnAbandoned() => StopReading(_connection.Options.DefaultStreamErrorCode);

    private void OnReturned(long count) => _path.Post(() =>
    {
        _receiveWindow.Return(count);
        _connection.ReceiveWindow.Return(count);
    });
}
