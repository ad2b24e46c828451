using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Pipes;

namespace Macula.Actors.Transport.Ngtcp2.Streams;

/// <summary>What a stream asks of the loop; asked once however often it is wanted.</summary>
[Flags]
internal enum StreamWork
{
    Send = 1,
    Credit = 2,
    StopReading = 4,
    ResetWriting = 8,
    WatchForStop = 16,
}

/// <summary>One stream: two pipes between the user's threads and the loop.</summary>
/// <remarks>What the user does becomes a bit in <see cref="_work"/>; who sets the first bit queues the stream, so a
/// write costs no allocation and a busy loop is told once.</remarks>
internal sealed class QuicStream : IQuicStream, ILoopWork
{
    // The QUIC windows bound it.
    private static readonly PipeOptions InputOptions = new(pauseWriterThreshold: 0, useSynchronizationContext: false);

    private static PipeOptions? _lastOutputOptions;

    private readonly StreamTable _table;
    private readonly Pipe _received;
    private readonly Pipe _toSend;
    private readonly StreamInput _input;
    private readonly StreamOutput _output;
    private readonly long _creditStep;
    private TaskCompletionSource? _closed; // made when first asked for
    private int _work;
    private long _consumed;
    private long _uncredited;
    private long _stopCode;
    private long _resetCode;
    private int _accepted;
    private bool _hasClosed;

    public QuicStream(StreamTable table, long id, bool canRead, bool canWrite)
    {
        _table = table;
        (Id, CanRead, CanWrite) = (id, canRead, canWrite);
        var options = table.Options;
        _received = new Pipe(InputOptions);
        _toSend = new Pipe(OutputOptions(options.SendBuffer));
        _creditStep = Math.Max(1, options.StreamReceiveWindow / 8);
        _stopCode = _resetCode = options.DefaultStreamErrorCode;
        _input = new StreamInput(_received.Reader, this);
        _output = new StreamOutput(_toSend.Writer, this);
        Sending = new SendQueue(_toSend.Reader);
        if (!canRead) EndInput();
        if (!canWrite) Sending.GiveUp();
        Counters.Stream(1);
    }

    // Nearly all streams of a process have the same.
    private static PipeOptions OutputOptions(int sendBuffer)
    {
        var options = Volatile.Read(ref _lastOutputOptions);
        if (options is not null && options.PauseWriterThreshold == sendBuffer) return options;
        options = new PipeOptions(
            PinnedBlocks.Instance, minimumSegmentSize: PinnedBlocks.BlockSize, useSynchronizationContext: false,
            pauseWriterThreshold: sendBuffer, resumeWriterThreshold: (sendBuffer + 1) / 2);
        Volatile.Write(ref _lastOutputOptions, options);
        return options;
    }

    public long Id { get; }

    public IQuicConnection Connection => _table.Connection;

    public bool CanRead { get; }

    public bool CanWrite { get; }

    public long? StopCode => _output.StopCode;

    public PipeReader Input => CanRead ? _input : throw StreamDirections.NotReadable();

    public PipeWriter Output => CanWrite ? _output : throw StreamDirections.NotWritable();

    public Task Closed
    {
        get
        {
            var closed = Volatile.Read(ref _closed) ?? NewClosed();
            if (Volatile.Read(ref _hasClosed)) closed.TrySetResult();
            return closed.Task;
        }
    }

    /// <summary>Loop thread only, like all that follows it here without a comment.</summary>
    public SendQueue Sending { get; }

    /// <summary>In the session's round of senders.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Waits for a flow-control window.</summary>
    public bool IsBlocked { get; set; }

    /// <summary>In the list of those that wait for the connection's window.</summary>
    public bool IsBlockedByConnection { get; set; }

    /// <summary>In the list of those whose writer waits for acknowledgements.</summary>
    public bool IsWatched { get; set; }

    public bool HasInputEnded { get; private set; }

    /// <summary>Received bytes that wait to be flushed to the reader.</summary>
    public bool HasUnflushedInput { get; set; }

    public bool IsFlushWaiting => _output.IsFlushWaiting;

    /// <summary>The library no longer knows the stream.</summary>
    public bool IsGone { get; private set; }

    public void Abort(QuicAbortDirection direction, long errorCode)
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        var failure = new Failure(QuicTransportError.OperationAborted, "the stream was aborted by this side");
        if (CanWrite && direction.HasFlag(QuicAbortDirection.Write))
        {
            Volatile.Write(ref _resetCode, errorCode);
            _output.Fail(failure);
            Post(StreamWork.ResetWriting);
        }

        if (CanRead && direction.HasFlag(QuicAbortDirection.Read))
        {
            Volatile.Write(ref _stopCode, errorCode);
            _input.Fail(failure, discard: true);
            Post(StreamWork.StopReading);
        }
    }

    public ValueTask DisposeAsync()
    {
        if (CanWrite) _output.Complete();
        if (CanRead) _input.Close();
        return ValueTask.CompletedTask;
    }

    /// <summary>Any thread.</summary>
    public void Post(StreamWork work)
    {
        if (Interlocked.Or(ref _work, (int)work) == 0) _table.Endpoint.Post(this);
    }

    /// <summary>Any thread: the output was completed with an error.</summary>
    public void ResetWriting() => Post(StreamWork.ResetWriting);

    /// <summary>Any thread: nobody reads any more.</summary>
    public void StopReading() => Post(StreamWork.StopReading);

    /// <summary>Any thread: the reader consumed bytes. The windows are widened in steps of an eighth, so that a small
    /// read does not wake the loop; what is held back never stops the peer.</summary>
    public void Consumed(long count)
    {
        var stream = Interlocked.Add(ref _consumed, count);
        var connection = _table.AddConsumed(count);
        if (stream >= _creditStep || connection >= _table.CreditStep) Post(StreamWork.Credit);
    }

    /// <summary>Any thread: the user has it.</summary>
    public void MarkAccepted()
    {
        if (Interlocked.Or(ref _accepted, 1) == 2) _table.Endpoint.Post(() => _table.ReturnStreamCredit(Id));
    }

    // A window that is widened in a packet of its own, at once, costs more than it is worth.
    bool ILoopWork.IsShort => (StreamWork)Volatile.Read(ref _work) == StreamWork.Send;

    void ILoopWork.Run()
    {
        var work = (StreamWork)Interlocked.Exchange(ref _work, 0);
        if (_table.HasEnded) return;
        if (work.HasFlag(StreamWork.Credit)) GiveCredit();
        if (work.HasFlag(StreamWork.StopReading)) OnStopReading();
        if (IsGone) return;
        if (work.HasFlag(StreamWork.ResetWriting))
        {
            Sending.GiveUp();
            _table.ResetStream(this, Volatile.Read(ref _resetCode));
        }

        Sending.Refresh();
        if (work.HasFlag(StreamWork.WatchForStop)) _table.WatchForStop(this);
        _table.QueueToSend(this);
    }

    /// <summary>Bytes came in; the session flushes when its batch is over.</summary>
    public void OnData(ReadOnlySpan<byte> data, bool fin)
    {
        if (HasInputEnded)
        {
            _table.CreditConnection(data.Length); // nobody will read it
            return;
        }

        _uncredited += data.Length;
        if (data.Length > 0)
        {
            _received.Writer.Write(data);
            HasUnflushedInput = true;
        }

        if (fin) EndInput();
    }

    public void FlushInput()
    {
        if (!HasUnflushedInput) return;
        HasUnflushedInput = false;
        if (HasInputEnded) return;
        var flush = _received.Writer.FlushAsync();
        Debug.Assert(flush.IsCompleted, "the pipe has no upper mark");
        if (flush.IsCompletedSuccessfully) _ = flush.Result;
    }

    /// <summary>The peer gave up sending.</summary>
    public void OnReset(long errorCode)
    {
        if (HasInputEnded) return;
        _input.Fail(new Failure(
            QuicTransportError.StreamAborted, $"the peer reset the stream with code {errorCode}", errorCode), false);
        EndInput();
    }

    /// <summary>The connection is being closed in order: a FIN follows what was written.</summary>
    public void Finish()
    {
        _output.Fail(Failure.LocallyClosed);
        Sending.Finish();
    }

    /// <summary>The peer stopped reading.</summary>
    /// <param name="errorCode">Null when the library says no more than that.</param>
    public void OnStopped(long? errorCode)
    {
        Sending.GiveUp();
        _output.Stopped(errorCode);
    }

    /// <summary>The library closed the stream: both directions are done. With a failure: the connection is.</summary>
    public void OnClosed(Failure? failure)
    {
        if (IsGone) return;
        IsGone = true;
        if (failure is not null)
        {
            _output.Fail(failure);
            if (!HasInputEnded) _input.Fail(failure, discard: false);
        }
        else if (Sending.HasPending || !_output.IsCompleted)
        {
            _output.Stopped(null);
        }

        if (!HasInputEnded) EndInput();
        Sending.Free();
        Counters.Stream(-1);
        Volatile.Write(ref _hasClosed, true);
        Interlocked.MemoryBarrier(); // who makes the source from here on sees it
        Volatile.Read(ref _closed)?.TrySetResult();
    }

    /// <summary>True when the user has it already; else it is told by <see cref="MarkAccepted"/>.</summary>
    public bool MarkClosedByLibrary() => (Interlocked.Or(ref _accepted, 2) & 1) != 0;

    /// <summary>Bytes handed over that the windows were not widened for yet: all that will never be read.</summary>
    private void OnStopReading()
    {
        if (!IsGone) _table.StopStream(this, Volatile.Read(ref _stopCode));
        if (!HasInputEnded)
        {
            _input.Fail(new Failure(QuicTransportError.OperationAborted, "reading was stopped by this side"), true);
            EndInput();
        }

        _table.ForgetConsumed(Interlocked.Exchange(ref _consumed, 0));
        _table.CreditConnection(_uncredited);
        _uncredited = 0;
    }

    private void GiveCredit()
    {
        var consumed = Interlocked.Exchange(ref _consumed, 0);
        _table.ForgetConsumed(consumed);
        consumed = Math.Min(consumed, _uncredited); // less when reading was stopped meanwhile
        if (consumed == 0) return;
        _uncredited -= consumed;
        _table.Credit(this, consumed);
    }

    private TaskCompletionSource NewClosed()
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref _closed, closed, null) ?? closed;
    }

    private void EndInput()
    {
        HasInputEnded = true;
        _received.Writer.Complete();
    }
}
