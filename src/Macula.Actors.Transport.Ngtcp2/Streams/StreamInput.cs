using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Macula.Actors.Transport.Ngtcp2.Streams;

/// <summary>The user's side of a stream's input: counts what is consumed, and tells of a failure after the bytes that
/// came before it.</summary>
internal sealed class StreamInput(PipeReader pipe, QuicStream stream) : PipeReader
{
    private volatile Failure? _failure;
    private volatile bool _discard;
    private volatile bool _isReading;
    private ReadOnlySequence<byte> _buffer;
    private long _examined;
    private int _completed;

    public override bool TryRead(out ReadResult result)
    {
        if (!pipe.TryRead(out result)) return false;
        _isReading = true;
        result = Judge(result);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        _isReading = true;
        return Read(cancellationToken);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // No position, as CopyToAsync has it where the other side takes no more: nothing was consumed.
        if (consumed.GetObject() is null) (consumed, examined) = (_buffer.Start, _buffer.Start);
        var count = _buffer.IsEmpty ? 0 : _buffer.Slice(0, consumed).Length;
        _examined = _buffer.IsEmpty ? 0 : _buffer.Slice(consumed, examined).Length;
        _buffer = default;
        pipe.AdvanceTo(consumed, examined);
        _isReading = false;
        if (count > 0) stream.Consumed(count);
    }

    public override void CancelPendingRead() => pipe.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _completed, 1) != 0) return;
        _buffer = default;
        pipe.Complete();
        stream.StopReading();
    }

    /// <summary>From any thread: like Complete, but a read that waits is told instead of left behind.</summary>
    public void Close()
    {
        if (!_isReading)
        {
            Complete();
        }
        else if (Interlocked.Exchange(ref _completed, 1) == 0)
        {
            Fail(new Failure(QuicTransportError.OperationAborted, "the stream was disposed"), discard: true);
            stream.StopReading();
        }
    }

    /// <summary>Said before the pipe's end is; what the pipe still holds is delivered first, unless it is to be
    /// discarded.</summary>
    public void Fail(Failure failure, bool discard)
    {
        _failure ??= failure;
        if (discard) _discard = true;
    }

    // The pipe is asked in here: what waits, as it does for an idle client, would else keep the answer's place twice.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Read(CancellationToken cancellationToken) =>
        Judge(await pipe.ReadAsync(cancellationToken).ConfigureAwait(false));

    private ReadResult Judge(ReadResult result)
    {
        if (_failure is not { } failure || (!_discard && (!result.IsCompleted || result.IsCanceled)))
        {
            _buffer = result.Buffer;
            return result;
        }

        if (_discard || result.Buffer.Length <= _examined)
        {
            _isReading = false;
            pipe.AdvanceTo(result.Buffer.Start); // else the next read would be refused
            throw failure.ToException();
        }

        _buffer = result.Buffer;
        return new ReadResult(result.Buffer, isCanceled: false, isCompleted: false);
    }
}
