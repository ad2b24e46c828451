using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Macula.Actors.Transport.Ngtcp2.Streams;

/// <summary>The user's side of a stream's output.</summary>
internal sealed class StreamOutput(PipeWriter pipe, QuicStream stream) : PipeWriter
{
    private volatile bool _stopped;
    private volatile Failure? _failure;
    private object? _stopCode; // a boxed long: read and written whole
    private byte[]? _scratch;
    private int _completed;

    public override bool CanGetUnflushedBytes => pipe.CanGetUnflushedBytes;

    public override long UnflushedBytes => pipe.UnflushedBytes;

    public bool IsCompleted => Volatile.Read(ref _completed) != 0;

    public long? StopCode => (long?)Volatile.Read(ref _stopCode);

    /// <summary>A flush is waiting for acknowledgements.</summary>
    public bool IsFlushWaiting { get; private set; }

    private bool HasEnded => _stopped || _failure is not null;

    public override Memory<byte> GetMemory(int sizeHint = 0) =>
        HasEnded ? Scratch(sizeHint) : pipe.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) =>
        HasEnded ? Scratch(sizeHint) : pipe.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_scratch is null) pipe.Advance(bytes);
        _scratch = null;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        HasEnded ? Ended() : Send(pipe.FlushAsync(cancellationToken));

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        HasEnded ? Ended() : Send(pipe.WriteAsync(source, cancellationToken));

    public override void CancelPendingFlush() => pipe.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _completed, 1) != 0) return;
        if (exception is not null) stream.ResetWriting();
        pipe.Complete();
        stream.Post(StreamWork.Send);
    }

    /// <summary>The peer stopped reading.</summary>
    public void Stopped(long? errorCode)
    {
        if (errorCode is { } code) Interlocked.CompareExchange(ref _stopCode, code, null);
        _stopped = true;
        pipe.CancelPendingFlush();
    }

    /// <summary>The first failure stays.</summary>
    public void Fail(Failure failure)
    {
        _failure ??= failure;
        pipe.CancelPendingFlush();
    }

    private ValueTask<FlushResult> Send(ValueTask<FlushResult> flush)
    {
        stream.Post(StreamWork.Send);
        if (!flush.IsCompletedSuccessfully) return Wait(flush);
        var result = flush.Result;
        return result.IsCanceled ? Wait(new(result)) : new(result); // cancelled: perhaps because of a failure
    }

    private ValueTask<FlushResult> Ended() => _failure is { } failure
        ? ValueTask.FromException<FlushResult>(failure.ToException())
        : new(new FlushResult(isCanceled: false, isCompleted: true));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> Wait(ValueTask<FlushResult> flush)
    {
        IsFlushWaiting = true;
        try
        {
            stream.Post(StreamWork.WatchForStop);
            return Judge(await flush.ConfigureAwait(false));
        }
        finally
        {
            IsFlushWaiting = false;
        }
    }

    private FlushResult Judge(FlushResult result)
    {
        if (_failure is { } failure) throw failure.ToException();
        return _stopped ? new FlushResult(isCanceled: false, isCompleted: true) : result;
    }

    // What is written after the end goes nowhere, and must not pile up in the pipe.
    private byte[] Scratch(int sizeHint) => _scratch = new byte[Math.Max(sizeHint, 256)];
}
