namespace Macula.Actors.Gateway;

/// <summary>Bounds what the readers of one connection have in flight to the actors: frames and bytes. A reader waits
/// here, then QUIC flow control makes the peer wait, so that no peer can fill a mailbox.</summary>
/// <remarks>A frame of any size may go when nothing else is in flight, so that the limit can never block it for
/// ever.</remarks>
internal sealed class ReadCredit(int maxFrames, int maxBytes)
{
    private readonly Lock _gate = new();
    private Queue<(TaskCompletionSource Granted, int Bytes)>? _waiting; // made when first needed
    private int _frames;
    private long _bytes;
    private bool _closed;

    /// <summary>Frames in flight now.</summary>
    public int Frames
    {
        get
        {
            lock (_gate) return _frames;
        }
    }

    /// <summary>Takes credit for a frame, in the order of asking.</summary>
    public ValueTask<FrameLease> TakeAsync(int bytes)
    {
        lock (_gate)
        {
            if (_closed) return ValueTask.FromCanceled<FrameLease>(new CancellationToken(canceled: true));
            if (_waiting is not { Count: > 0 } && Fits(bytes))
            {
                Take(bytes);
                return new ValueTask<FrameLease>(new FrameLease(this, bytes));
            }

            // At most one entry per reader of the connection, hence bounded by its streams.
            var granted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            (_waiting ??= []).Enqueue((granted, bytes));
            return WaitAsync(granted.Task, bytes);
        }
    }

    /// <summary>Grants no more: who waits, now or later, is cancelled.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            while (_waiting is not null && _waiting.TryDequeue(out var next)) next.Granted.SetCanceled();
        }
    }

    internal void Return(int bytes)
    {
        lock (_gate)
        {
            _frames--;
            _bytes -= bytes;
            while (_waiting is not null && _waiting.TryPeek(out var next) && Fits(next.Bytes))
            {
                _waiting.Dequeue();
                Take(next.Bytes);
                next.Granted.SetResult();
            }
        }
    }

    private async ValueTask<FrameLease> WaitAsync(Task granted, int bytes)
    {
        await granted.ConfigureAwait(false);
        return new FrameLease(this, bytes);
    }

    private bool Fits(int bytes) => _frames == 0 || (_frames < maxFrames && _bytes + bytes <= maxBytes);

    private void Take(int bytes)
    {
        _frames++;
        _bytes += bytes;
    }
}
