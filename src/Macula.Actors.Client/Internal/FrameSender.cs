using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace Macula.Actors.Client.Internal;

/// <summary>The one writer of a stream: takes frames from anywhere, and flushes what has gathered at once. At most
/// <see cref="MostBytes"/> wait; then senders wait.</summary>
/// <remarks>Who sends a lone frame writes and flushes it on its own thread, which saves a thread's waking. Where frames
/// follow closely, a thread of the pool writes as many as there are with each flush.</remarks>
internal sealed class FrameSender(PipeWriter output, Counters counters, CancellationToken life) : IThreadPoolWorkItem
{
    /// <summary>Bytes of frames that may wait; one frame always may.</summary>
    public const int MostBytes = 256 * 1024;

    private const int FlushThreshold = 64 * 1024;

    private static readonly TimeSpan Lone = TimeSpan.FromMicroseconds(50);

    private readonly Lock _gate = new();
    private readonly Queue<ReadOnlyMemory<byte>> _frames = [];
    private readonly TaskCompletionSource<bool> _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _room; // somebody waits for it
    private int _bytes;
    private long _lastWrite;
    private bool _isWriting;
    private bool _isComplete;

    /// <summary>Queues a frame.</summary>
    /// <exception cref="ChannelClosedException">The stream has ended.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellationToken) =>
        TrySend(frame) ? ValueTask.CompletedTask : WaitAndSendAsync(frame, cancellationToken);

    /// <summary>Queues a frame if there is room.</summary>
    public bool TrySend(ReadOnlyMemory<byte> frame) => TrySend(frame, isWaiter: false);

    /// <summary>No more frames; what is queued still goes out.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _isComplete = true;
            TellRoom();
            if (!_isWriting) _written.TrySetResult(true);
        }
    }

    /// <summary>Until all is written after <see cref="Complete"/>. False: the peer stopped reading.</summary>
    public Task<bool> RunAsync() => _written.Task.WaitAsync(life);

    /// <summary>Counts what will never go out. After <see cref="RunAsync"/>.</summary>
    public void Abandon()
    {
        Complete();
        lock (_gate)
        {
            Interlocked.Add(ref counters.FramesLost, _frames.Count);
            _frames.Clear();
        }
    }

    void IThreadPoolWorkItem.Execute() => _ = WriteAsync(isOwn: true);

    private bool TrySend(ReadOnlyMemory<byte> frame, bool isWaiter)
    {
        bool isLone;
        lock (_gate)
        {
            if (_isComplete || (_bytes > 0 && _bytes + frame.Length > MostBytes) || (_room is not null && !isWaiter))
                return false;
            _frames.Enqueue(frame);
            _bytes += frame.Length;
            if (_isWriting) return true;
            _isWriting = true;
            isLone = Stopwatch.GetElapsedTime(_lastWrite) > Lone;
        }

        if (isLone) _ = WriteAsync(isOwn: false);
        else ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    private async ValueTask WaitAndSendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        do
        {
            Task room;
            lock (_gate)
            {
                if (_isComplete) throw new ChannelClosedException();
                _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _bytes == 0 ? Task.CompletedTask : _room.Task;
            }

            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        while (!TrySend(frame, isWaiter: true));
    }

    /// <param name="isOwn">A thread that has nothing else to do.</param>
    private async Task WriteAsync(bool isOwn)
    {
        try
        {
            while (TryTakeBatch(out var frames))
            {
                var result = await output.FlushAsync(life).ConfigureAwait(false);
                if (result.IsCompleted || result.IsCanceled)
                {
                    _written.TrySetResult(false);
                    return;
                }

                Interlocked.Add(ref counters.FramesSent, frames);
                if (isOwn || !HasMore()) continue;
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false); // the sender has other things to do
                return;
            }
        }
        catch (Exception error)
        {
            _written.TrySetException(error);
        }
    }

    private bool HasMore()
    {
        lock (_gate) return _frames.Count > 0;
    }

    private bool TryTakeBatch(out int frames)
    {
        (frames, var bytes) = (0, 0);
        lock (_gate)
        {
            while (bytes < FlushThreshold && _frames.TryDequeue(out var frame))
            {
                output.Write(frame.Span);
                bytes += frame.Length;
                frames++;
            }

            _bytes -= bytes;
            TellRoom();
            if (frames > 0) return true;
            _isWriting = false;
            _lastWrite = Stopwatch.GetTimestamp();
            if (_isComplete) _written.TrySetResult(true);
            return false;
        }
    }

    private void TellRoom()
    {
        _room?.TrySetResult();
        _room = null;
    }
}
