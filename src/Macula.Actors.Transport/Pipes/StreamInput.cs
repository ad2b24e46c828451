using System.Buffers;
using System.IO.Pipelines;

namespace Macula.Actors.Transport.Pipes;

/// <summary>The receiving side of a stream: a pipe whose faults come after the bytes that came before them.</summary>
/// <remarks>A plain <see cref="Pipe"/> throws at once when its writer completes with an error, even if bytes wait.
/// </remarks>
internal sealed class StreamInput : PipeReader
{
    private readonly Lock _gate = new();
    private readonly Pipe _pipe;
    private readonly Action<long> _returned;
    private readonly Action _abandoned;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReadOnlySequence<byte> _current;
    private Exception? _fault;
    private Exception? _aborted;
    private long _unread;
    private long _held;
    private bool _seenAll;

    /// <param name="pauseThreshold">Bytes that may lie in the pipe before <see cref="DeliverAsync"/> waits; 0: it never
    /// waits.</param>
    /// <param name="returned">Told how many bytes were consumed or thrown away.</param>
    /// <param name="abandoned">Told when the reader was completed.</param>
    public StreamInput(int pauseThreshold, Action<long> returned, Action abandoned)
    {
        (_returned, _abandoned) = (returned, abandoned);
        _pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: pauseThreshold,
            resumeWriterThreshold: pauseThreshold / 2,
            readerScheduler: PipeScheduler.ThreadPool,
            writerScheduler: PipeScheduler.ThreadPool,
            useSynchronizationContext: false));
    }

    /// <summary>Completes, never faults, when nothing more will arrive.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Hands over bytes that arrived. False: nobody wants them any more.</summary>
    public async ValueTask<bool> DeliverAsync(ReadOnlySequence<byte> bytes)
    {
        ValueTask<FlushResult> flush;
        lock (_gate)
        {
            if (_ended.Task.IsCompleted) return false;
            foreach (var segment in bytes) _pipe.Writer.Write(segment.Span);
            _unread += bytes.Length;
            flush = _pipe.Writer.FlushAsync();
        }

        return !(await flush.ConfigureAwait(false)).IsCompleted;
    }

    /// <summary>The end: FIN, or with a fault a reset or a lost connection. What arrived before can still be read.
    /// </summary>
    public void End(Exception? fault = null)
    {
        lock (_gate)
        {
            if (!_ended.TrySetResult()) return;
            _fault = fault;
            _pipe.Writer.Complete();
        }
    }

    /// <summary>This side gives up: reads throw at once, what lies here is thrown away.</summary>
    /// <param name="tell">Tells the peer, before it gets its window back: a writer that waits must hear why. Not called
    /// when the input had ended already.</param>
    public void Abort(Exception error, Action tell)
    {
        bool first;
        lock (_gate)
        {
            _aborted ??= error;
            first = _ended.TrySetResult();
            if (first) _pipe.Writer.Complete();
        }

        _pipe.Reader.CancelPendingRead();
        _pipe.Writer.CancelPendingFlush();
        if (first) tell();
        ReturnUnread(long.MaxValue);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!_pipe.Reader.TryRead(out result)) return false;
        result = Judge(result);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var read = _pipe.Reader.ReadAsync(cancellationToken);
        return read.IsCompletedSuccessfully ? new ValueTask<ReadResult>(Judge(read.Result)) : WaitAsync(read);

        async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> pending) =>
            Judge(await pending.ConfigureAwait(false));
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var buffer = _current;
        // No position, as CopyToAsync has it where the other side takes no more: nothing was consumed.
        if (consumed.GetObject() is null) (consumed, examined) = (buffer.Start, buffer.Start);
        var left = buffer.IsEmpty ? 0 : buffer.Slice(consumed).Length;
        var taken = buffer.Length - left; // now: the pipe reuses the segments it gets back
        (_held, _seenAll) = (left, buffer.IsEmpty || buffer.Slice(examined).IsEmpty);
        _current = default;
        _pipe.Reader.AdvanceTo(consumed, examined);
        if (taken > 0) ReturnUnread(taken);
    }

    public override void CancelPendingRead() => _pipe.Reader.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        _pipe.Reader.Complete();
        _abandoned();
        ReturnUnread(long.MaxValue);
    }

    private ReadResult Judge(ReadResult result)
    {
        if (_aborted is null && (_fault is null || !result.IsCompleted))
        {
            _current = result.Buffer;
            return result;
        }

        var news = !_seenAll || result.Buffer.Length > _held;
        if (_aborted is null && news && !result.Buffer.IsEmpty)
        {
            _current = result.Buffer;
            return new ReadResult(result.Buffer, result.IsCanceled, isCompleted: false);
        }

        _pipe.Reader.AdvanceTo(result.Buffer.Start, result.Buffer.End); // else the next read would be refused
        throw _aborted ?? _fault!;
    }

    private void ReturnUnread(long upTo)
    {
        long count;
        lock (_gate)
        {
            count = Math.Min(upTo, _unread);
            _unread -= count;
        }

        if (count > 0) _returned(count);
    }
}
