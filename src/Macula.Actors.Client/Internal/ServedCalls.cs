using System.Collections.Concurrent;
using Macula.Actors.Protocol;

namespace Macula.Actors.Client.Internal;

/// <summary>The calls that run here for one session; all are cancelled when it ends.</summary>
/// <remarks>Bounded by the advertisements' concurrency limits.</remarks>
internal sealed class ServedCalls(TimeProvider time, CancellationToken session)
{
    private readonly ConcurrentDictionary<CallId, ServedCall> _running = [];

    /// <summary>A new call, or null when one with this id runs already.</summary>
    public ServedCall? TryBegin(CallId id, TimeSpan? timeout)
    {
        var call = new ServedCall(time, timeout, session);
        if (_running.TryAdd(id, call)) return call;

        call.Dispose();
        return null;
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
}

/// <summary>One call that runs here: cancelled by its caller, its deadline or the end of the
/// session.</summary>
internal sealed class ServedCall : IDisposable
{
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource _source;

    public ServedCall(TimeProvider time, TimeSpan? timeout, CancellationToken session)
    {
        _deadline = timeout is { } limit ? new CancellationTokenSource(limit, time) : null;
        _source = CancellationTokenSource.CreateLinkedTokenSource(
            session, _deadline?.Token ?? CancellationToken.None);
        Token = _source.Token;
    }

    public CancellationToken Token { get; }

    public bool IsLate => _deadline is { IsCancellationRequested: true };

    public void Cancel()
    {
        try
        {
            _ = _source.CancelAsync(); // handlers' callbacks must not hold up the read loop
        }
        catch (ObjectDisposedException)
        {
            // It has just ended.
        }
    }

    public void Dispose()
    {
        _source.Dispose();
        _deadline?.Dispose();
    }
}
