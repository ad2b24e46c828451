namespace Macula.Actors.Transport.Memory;

/// <summary>The way between the two ends of a connection. While it is down nothing passes; what was sent meanwhile
/// arrives once it is up again, as retransmission would have it.</summary>
internal sealed class MemoryPath
{
    private readonly Lock _gate = new();
    private readonly Queue<Action> _held = new();
    private TaskCompletionSource? _upAgain;
    private bool _lost;

    /// <summary>Told whenever something passed; both ends heard something then, if only an acknowledgement.</summary>
    public Action? Passed { get; set; }

    public bool IsUp => _upAgain is null;

    /// <summary>Sends a message that has no size: a frame other than STREAM.</summary>
    public void Post(Action message)
    {
        lock (_gate)
        {
            if (_lost) return;
            if (!IsUp)
            {
                _held.Enqueue(message);
                return;
            }
        }

        Passed?.Invoke();
        message();
    }

    /// <summary>Waits until bytes can pass.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        while (_upAgain is { } upAgain) await upAgain.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        Passed?.Invoke();
    }

    public void Down()
    {
        lock (_gate)
        {
            _upAgain ??= new TaskCompletionSource();
        }
    }

    /// <summary>Down for ever.</summary>
    public void Lose()
    {
        Down();
        lock (_gate)
        {
            _lost = true;
            _held.Clear();
        }
    }

    public void Up()
    {
        TaskCompletionSource? upAgain;
        Action[] held;
        lock (_gate)
        {
            if (_lost || IsUp) return;
            held = [.. _held];
            _held.Clear();
            (upAgain, _upAgain) = (_upAgain, null);
        }

        Passed?.Invoke();
        foreach (var message in held) message();
        upAgain?.TrySetResult();
    }
}
