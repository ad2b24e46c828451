namespace Macula.Actors.Transport.Memory;

/// <summary>Bytes that may still be sent before the receiver has read some.</summary>
internal sealed class MemoryWindow(long size)
{
    private readonly Lock _gate = new();
    private long _left = size;
    private TaskCompletionSource? _opened;

    /// <summary>Takes what there is, at most <paramref name="wanted"/>.</summary>
    public long Take(long wanted)
    {
        lock (_gate)
        {
            var taken = Math.Min(wanted, _left);
            _left -= taken;
            return taken;
        }
    }

    public void Return(long count)
    {
        TaskCompletionSource? opened;
        lock (_gate)
        {
            _left += count;
            (opened, _opened) = (_opened, null);
        }

        opened?.TrySetResult();
    }

    /// <summary>Waits until there is something to take.</summary>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_left > 0) return Task.CompletedTask;
            _opened ??= new TaskCompletionSource();
            return _opened.Task.WaitAsync(cancellationToken);
        }
    }
}
