using System.Diagnostics;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Nodes;

/// <summary>Reads the node's figures all the time, keeps them for the report, and holds them against what must always
/// be true of them.</summary>
internal sealed class NodeSampler : IAsyncDisposable
{
    // Of a soak of any length: when it is full every second one goes, and the next come half as often.
    private const int MaxSamples = 2_000;

    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(20), LongestWait = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<NodeSample> _samples = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly NodeProbe _probe;
    private readonly Func<NodeSample?, NodeSample, string?> _invariant;
    private readonly Task _running;
    private TimeSpan _interval;
    private NodeSample? _checked;
    private volatile bool _isPaused;

    /// <param name="invariant">Says what is wrong with a sample that follows another, or null; for every one, also those
    /// that are not kept.</param>
    public NodeSampler(NodeProbe probe, TimeSpan interval, Func<NodeSample?, NodeSample, string?> invariant)
    {
        (_probe, _interval, _invariant) = (probe, interval, invariant);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Readings so far, those included that were not kept.</summary>
    public long Count { get; private set; }

    /// <summary>Readings that the node failed to answer.</summary>
    public long Missed { get; private set; }

    /// <summary>What was wrong with the first sample that was not as it must be.</summary>
    public string? Violation { get; private set; }

    /// <summary>Time since the scenario began.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>The newest reading that is whole.</summary>
    public NodeSample? Last { get; private set; }

    public IReadOnlyList<NodeSample> Samples
    {
        get
        {
            lock (_gate) return [.. _samples];
        }
    }

    /// <summary>Whether to leave the node alone: a reading costs it something too.</summary>
    public bool IsPaused
    {
        get => _isPaused;
        set => _isPaused = value;
    }

    /// <summary>Reads once more, now.</summary>
    public async Task<NodeSample> NowAsync(CancellationToken cancellationToken)
    {
        var sample = await _probe.ReadAsync(Elapsed, cancellationToken).ConfigureAwait(false);
        Check(sample);
        Keep(sample);
        return sample;
    }

    /// <summary>Reads the tables until the condition holds or the patience is over; the last reading tells, and is whole.
    /// </summary>
    /// <param name="condition">Of tables.</param>
    public async Task<NodeSample> UntilAsync(
        Func<NodeSample, bool> condition, TimeSpan patience, CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); ;)
        {
            var sample = await _probe.ReadTablesAsync(Elapsed, cancellationToken).ConfigureAwait(false);
            Check(sample);
            var waited = Stopwatch.GetElapsedTime(started);
            if (condition(sample) || waited > patience)
            {
                sample = await _probe.CompleteAsync(sample, cancellationToken).ConfigureAwait(false);
                Keep(sample);
                return sample;
            }

            // The longer it takes, the less a moment matters.
            await Task.Delay(TimeSpan.FromTicks(Math.Clamp(waited.Ticks / 20, ShortestWait.Ticks, LongestWait.Ticks)), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (!_isPaused) await NowAsync(_stop.Token).ConfigureAwait(false);
                await Task.Delay(_interval, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (TimeoutException)
            {
                Missed++;
            }
            catch (Exception error) when (error is QuicTransportException or InvalidDataException)
            {
                lock (_gate) Violation ??= $"the node no longer tells its figures: {error.Message}";
                return;
            }
        }
    }

    private void Check(NodeSample sample)
    {
        lock (_gate)
        {
            Count++;
            Violation ??= _invariant(_checked, sample);
            _checked = sample;
        }
    }

    private void Keep(NodeSample sample)
    {
        lock (_gate)
        {
            Last = sample;
            // Those who wait for something ask more often than a chart can show.
            if (_samples is [.., var kept] && sample.At - kept.At < _interval / 2) return;
            _samples.Add(sample);
            if (_samples.Count < MaxSamples) return;
            for (var i = _samples.Count - 1; i > 0; i -= 2) _samples.RemoveAt(i);
            _interval *= 2;
        }
    }
}
