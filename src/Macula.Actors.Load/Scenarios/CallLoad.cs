using System.Collections.Concurrent;
using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Calls from one client: so many at once, or so many a second.</summary>
internal sealed class CallLoad : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, long> _refusals = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _room = new(0);
    private Caller _caller = null!;
    private long _succeeded;
    private long _failed;
    private bool _isClosed;

    /// <summary>Replies with a result.</summary>
    public long Succeeded => Interlocked.Read(ref _succeeded);

    /// <summary>Replies with an error.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    public int Pending => _caller.Pending;

    /// <summary>Errors by code.</summary>
    public IReadOnlyDictionary<string, long> Refusals => _refusals;

    /// <param name="timeout">Milliseconds; null: the node's default.</param>
    public static async Task<CallLoad> StartAsync(
        ScenarioRun run, Utf8Text procedure, int number, int size, CancellationToken cancellationToken, int? timeout = null)
    {
        var load = new CallLoad();
        load._caller = await Caller.StartAsync(
            run.Dial, run.Seeded.Id(number, "caller"), procedure, size, timeout, load.OnEnded, cancellationToken).ConfigureAwait(false);
        return load;
    }

    /// <summary>Keeps so many calls on their way.</summary>
    /// <returns>Replies with a result, per second.</returns>
    public async Task<double> ClosedAsync(Phase phase, int atOnce, TimeSpan time, CancellationToken cancellationToken)
    {
        _caller.Times = null;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(time);
        var (before, begun) = (Succeeded, Stopwatch.GetTimestamp());
        _isClosed = true;
        _room.Release(atOnce);
        try
        {
            while (true)
            {
                await _room.WaitAsync(over.Token).ConfigureAwait(false);
                do
                {
                    _caller.Write(Caller.Now);
                    phase.Add();
                }
                while (_room.Wait(0, CancellationToken.None));
                await _caller.FlushAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is over.
        }

        var rate = (Succeeded - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        _isClosed = false;
        await AnsweredAsync(cancellationToken).ConfigureAwait(false);
        while (_room.Wait(0, CancellationToken.None))
        {
            // What was left of the room is not the next load's.
        }

        return rate;
    }

    /// <summary>Calls at even distances, whatever becomes of them.</summary>
    public async Task PacedAsync(Phase phase, double rate, TimeSpan time, Latencies times, CancellationToken cancellationToken)
    {
        _caller.Times = times;
        await Pace.RunAsync(rate, time, due => { Call(due); phase.Add(); }, cancellationToken).ConfigureAwait(false);
        await AnsweredAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One call, from a thread that may wait.</summary>
    public void Call(long due)
    {
        _caller.Write(due);
        var flushing = _caller.FlushAsync();
        if (flushing.IsCompletedSuccessfully) flushing.GetAwaiter().GetResult();
        else flushing.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Where the times of calls that succeed go from now on.</summary>
    public void Record(Latencies? times) => _caller.Times = times;

    /// <summary>Until nothing is pending, for at most 10 s.</summary>
    public async Task AnsweredAsync(CancellationToken cancellationToken)
    {
        for (var begun = Stopwatch.GetTimestamp(); Pending > 0 && Stopwatch.GetElapsedTime(begun) < Patience;)
            await Task.Delay(2, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _caller.DisposeAsync().ConfigureAwait(false);
        _room.Dispose();
    }

    private void OnEnded(Caller caller, string? error)
    {
        if (error is null) Interlocked.Increment(ref _succeeded);
        else
        {
            Interlocked.Increment(ref _failed);
            _refusals.AddOrUpdate(error, 1, (_, count) => count + 1);
        }

        if (_isClosed) _room.Release();
    }
}
