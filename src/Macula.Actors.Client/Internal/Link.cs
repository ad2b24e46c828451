using System.Diagnostics.CodeAnalysis;
using Macula.Actors.Transport;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Client.Internal;

/// <summary>Keeps a session up: connects, connects again, gives up.</summary>
/// <remarks>Whatever must hold on every session (subscriptions, advertisements) is changed through
/// <see cref="ChangeAsync"/> and told anew by <paramref name="restore"/>; one gate orders both, so
/// that a new session hears of each change exactly once, and in the order they were made.</remarks>
/// <param name="restore">The frames that tell a new session what holds.</param>
/// <param name="changed">Told of each state, one at a time, in order.</param>
[SuppressMessage("Design", "CA1001", Justification = "Semaphore and token sources without a timer hold nothing to free.")]
internal sealed class Link(
    MaculaClientOptions options, IQuicProvider provider, ISessionHandler handler,
    Counters counters, Func<IReadOnlyList<byte[]>> restore, Action<MaculaStateChange> changed)
{
    private readonly Servers _servers = new(options.Server, options.TimeProvider);
    private readonly ILogger _log = options.LoggerFactory.CreateLogger<MaculaClient>();
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private Slot _slot = new();
    private Session? _attached; // guarded by _gate: the session that hears of changes
    private Task _run = Task.CompletedTask;
    private long _connectedAt;
    private int _attempts; // since the last session that lasted

    /// <summary>Why there will be no more sessions; null as long as there may be.</summary>
    public SessionEnd? Final { get; private set; }

    /// <summary>The session, if there is one right now.</summary>
    public Session? Current =>
        _slot.Session.Task is { IsCompletedSuccessfully: true, Result: { IsEnding: false } session }
            ? session
            : null;

    /// <summary>Makes the first connection, trying each server once.</summary>
    /// <exception cref="MaculaException">No server took us; the last one's answer.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        for (var left = _servers.Count; ; left--)
        {
            try
            {
                var session = await OpenAsync(_servers.Next().Address, cancellationToken).ConfigureAwait(false);
                Become(MaculaClientState.Connected, null, session);
                _run = RunAsync(session);
                return;
            }
            catch (SessionFailedException failed)
            {
                _servers.LeaveAlone(failed.End.RetryAfter);
                if (left > 1) continue;
                Finish(failed.End);
                throw failed.End.Error;
            }
        }
    }

    /// <summary>The session, when there is one.</summary>
    /// <exception cref="MaculaConnectionException">There will be none any more.</exception>
    public async ValueTask<Session> SessionAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var slot = Volatile.Read(ref _slot);
            var session = await slot.Session.Task.WaitAsync(cancellationToken).ConfigureAwait(false)
                ?? throw ClosedError();
            if (!session.IsEnding) return session;
            await slot.Replaced.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Runs <paramref name="change"/>, and tells the session the frame that it returns.
    /// </summary>
    /// <remarks>Not to be cancelled: what was changed must be told, or the gateway and this client
    /// no longer agree. Callers may stop waiting.</remarks>
    public async Task ChangeAsync(Func<byte[]?> change)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (change() is { } frame && _attached is { } session)
                await session.SendAsync(frame, CancellationToken.None).ConfigureAwait(false);
        }
        catch (SessionFailedException)
        {
            // The next session is told everything anyway.
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Waits until a session has taken in every change made so far.</summary>
    public async Task ConfirmAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var session = await SessionAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await session.PingAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (SessionFailedException)
            {
                // The next session restores, and is asked again.
            }
        }
    }

    /// <summary>Says goodbye and ends for good. Idempotent.</summary>
    public async Task CloseAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        if (Current is { } session) await session.CloseAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
    }

    public MaculaConnectionException ClosedError() => new(
        MaculaErrorCodes.Closed, $"the client is closed: {Final?.Error.Message}", Final?.Error);

    private async Task RunAsync(Session first)
    {
        SessionEnd end;
        try
        {
            end = await RunSessionsAsync(first).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            end = SessionEnd.Broken(error); // a fault of ours must not leave users waiting for ever
        }

        Finish(_closing.IsCancellationRequested ? SessionEnd.ByUs : end);
    }

    private async Task<SessionEnd> RunSessionsAsync(Session session)
    {
        while (true)
        {
            var end = await session.Ended.ConfigureAwait(false);
            // One that ends at once each time must not be tried at once each time.
            if (options.TimeProvider.GetElapsedTime(_connectedAt) >= options.ReconnectMax) _attempts = 0;
            await DetachAsync().ConfigureAwait(false);
            if (IsOver(end)) return end;

            ClientLog.Lost(_log, end.Error.Code, end.Error.Message);
            Become(MaculaClientState.Reconnecting, end.Error, null);
            var (next, failure) = await ReconnectAsync(end).ConfigureAwait(false);
            if (next is null) return failure;

            session = next;
            Become(MaculaClientState.Connected, null, session);
            // CloseAsync saw either the cancelled attempt or this session, or we see it here.
            if (_closing.IsCancellationRequested) await session.CloseAsync().ConfigureAwait(false);
        }
    }

    private async Task<(Session? Session, SessionEnd Failure)> ReconnectAsync(SessionEnd end)
    {
        for (var failures = 0; failures < options.ReconnectAttempts; failures++)
        {
            _servers.LeaveAlone(end.RetryAfter);
            var (server, wait) = _servers.Next();
            var delay = BackOff.Delay(options, _attempts++, wait);
            try
            {
                await Task.Delay(delay, options.TimeProvider, _closing.Token).ConfigureAwait(false);
                return (await OpenAsync(server, _closing.Token).ConfigureAwait(false), end);
            }
            catch (OperationCanceledException)
            {
                return (null, SessionEnd.ByUs);
            }
            catch (SessionFailedException failed)
            {
                end = failed.End;
                ClientLog.AttemptFailed(_log, failures + 1, delay, end.Error.Message);
                if (IsOver(end)) break;
            }
        }

        return (null, end);
    }

    private async Task<Session> OpenAsync(string server, CancellationToken cancellationToken)
    {
        var session = await Session
            .OpenAsync(server, provider, options, handler, counters, cancellationToken)
            .ConfigureAwait(false);
        try
        {
            await AttachAsync(session, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or SessionFailedException)
        {
            await DetachAsync().ConfigureAwait(false);
            await session.AbortAsync("it could not be restored").ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            throw error as SessionFailedException ?? new SessionFailedException(
                SessionEnd.NotReached(server, new TimeoutException("the gateway does not answer")));
        }

        _connectedAt = options.TimeProvider.GetTimestamp();
        ClientLog.Connected(_log, server, options.NodeId.ToString());
        return session;
    }

    private async Task AttachAsync(Session session, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(
            deadline.Token, cancellationToken);
        await _gate.WaitAsync(both.Token).ConfigureAwait(false);
        var isRestored = false;
        try
        {
            foreach (var frame in restore())
            {
                isRestored = true;
                await session.SendAsync(frame, both.Token).ConfigureAwait(false);
            }

            _attached = session;
        }
        finally
        {
            _gate.Release();
        }

        if (isRestored) await session.PingAsync(both.Token).ConfigureAwait(false);
    }

    private async Task DetachAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        _attached = null;
        _gate.Release();
    }

    private bool IsOver(SessionEnd end) => end.IsFinal || _closing.IsCancellationRequested;

    private void Finish(SessionEnd end)
    {
        Final = end;
        ClientLog.Closed(_log, end.Error.Code, end.Error.Message);
        Become(MaculaClientState.Closed, ReferenceEquals(end, SessionEnd.ByUs) ? null : end.Error, null);
    }

    // A slot is filled once: with a session, or with null for "never again".
    private void Become(MaculaClientState state, MaculaException? reason, Session? session)
    {
        var old = _slot;
        if (state != MaculaClientState.Reconnecting)
        {
            if (old.Session.TrySetResult(session))
            {
                changed(new MaculaStateChange(state, reason));
                return;
            }
        }

        var fresh = new Slot();
        if (state == MaculaClientState.Closed) fresh.Session.SetResult(null);
        Volatile.Write(ref _slot, fresh);
        old.Replaced.TrySetResult();
        changed(new MaculaStateChange(state, reason));
    }

    private sealed class Slot
    {
        public TaskCompletionSource<Session?> Session { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Replaced { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
