using System.Collections.Concurrent;
using Macula.Actors.Protocol;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Client.Internal;

/// <summary>The calls that run here for one session; all are cancelled when it ends.</summary>
/// <remarks>Bounded by the advertisements' concurrency limits.</remarks>
internal sealed class ServedCalls(TimeProvider time, ILogger log)
{
    private readonly ConcurrentDictionary<CallId, ServedCall> _running = [];
    private volatile bool _isOver;

    /// <summary>A new call, or null when one with this id runs already.</summary>
    public ServedCall? TryBegin(CallId id, string procedure, TimeSpan? timeout)
    {
        var call = new ServedCall(procedure, time, timeout, log);
        if (!_running.TryAdd(id, call))
        {
            call.Dispose();
            return null;
        }

        if (_isOver) call.Cancel(); // CancelAll may have come before it was there
        return call;
    }

    public void End(CallId id)
    {
        if (_running.TryRemove(id, out var call)) call.Dispose();
    }

    /// <summary>The caller no longer waits.</summary>
    public void Cancel(CallId id)
    {
        if (_running.TryGetValue(id, out var call)) call.Cancel();
    }

    /// <summary>The session has ended: what runs, and what begins yet, is cancelled.</summary>
    public void CancelAll()
    {
        _isOver = true;
        foreach (var call in _running.Values) call.Cancel();
    }
}

/// <summary>One call that runs here: cancelled by its caller, its deadline or the end of the
/// session.</summary>
internal sealed class ServedCall : IDisposable
{
    private readonly string _procedure;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _source = new();
    private readonly ITimer? _deadline;
    private volatile bool _isLate;

    public ServedCall(string procedure, TimeProvider time, TimeSpan? timeout, ILogger log)
    {
        (_procedure, _log) = (procedure, log);
        Token = _source.Token;
        if (timeout is { } limit)
            _deadline = time.CreateTimer(
                call => ((ServedCall)call!).CancelLate(), this, limit, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token { get; }

    public bool IsLate => _isLate;

    public void Cancel() => _ = CancelAsync();

    public void Dispose()
    {
        _deadline?.Dispose();
        if (!Token.IsCancellationRequested) _source.Dispose(); // else its callbacks may be still to run
    }

    private void CancelLate()
    {
        _isLate = true;
        Cancel();
    }

    // Foreign callbacks run on the thread pool: they must not hold up or end what cancels.
    private async Task CancelAsync()
    {
        try
        {
            await _source.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // It has just ended.
        }
        catch (Exception error)
        {
            ClientLog.HandlerFailed(_log, error, _procedure);
        }
    }
}
