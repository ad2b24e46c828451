using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Publishers, topics and their subscribers: how much gets through, and how fast at a part of that.</summary>
/// <param name="window">Messages that are on their way at once when as many as possible are published.</param>
internal sealed class FanOut(string name, int publishers, int topics, int subscribers, int window) : IAsyncDisposable
{
    private const int Payload = 100;
    private const double PacedShare = 0.3;
    private const double MostPaced = 20_000; // messages a second that one thread can pace
    private const int MostUnderWay = 512; // of those: half of what the node queues for a client

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Subscriber[] _subscribers = new Subscriber[subscribers];
    private readonly Publisher[] _publishers = new Publisher[publishers];
    private readonly Utf8Text[] _topics = [.. Enumerable.Range(0, topics).Select(each => (Utf8Text)$"load.fanout.{each}")];
    private readonly SemaphoreSlim _room = new(window);
    private readonly int _each = subscribers / topics; // receivers of a message
    private long _delivered;
    private long _published;
    private bool _isWindowed;

    public async Task ConnectAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var phase = run.Begin($"{name}: connecting", subscribers + publishers);
        await Crowd.EachAsync(subscribers, Crowd.Width, async (i, stop) =>
        {
            _subscribers[i] = await Subscriber.StartAsync(
                run.Dial, run.Seeded.Id(i, $"{name} subscriber"), _topics[i % topics], stop).ConfigureAwait(false);
            _subscribers[i].Arrived = OnArrived;
            phase.Add();
        }, cancellationToken).ConfigureAwait(false);
        await Crowd.EachAsync(publishers, Crowd.Width, async (i, stop) =>
        {
            _publishers[i] = await Publisher.StartAsync(
                run.Dial, run.Seeded.Id(i, $"{name} publisher"), Payload, stop).ConfigureAwait(false);
            phase.Add();
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deliveries a second, with the window always full.</summary>
    public async Task<double> PeakAsync(ScenarioRun run, TimeSpan time, CancellationToken cancellationToken)
    {
        await WindowedAsync(run.Begin($"{name}: warm-up", time / 4), time / 4, cancellationToken).ConfigureAwait(false);
        var (before, begun) = (Interlocked.Read(ref _delivered), Stopwatch.GetTimestamp());
        await WindowedAsync(run.Begin($"{name}: as many as possible", time), time, cancellationToken).ConfigureAwait(false);
        var rate = (Interlocked.Read(ref _delivered) - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        run.Figure($"{name}: delivered", rate, "1/s");
        return rate;
    }

    /// <summary>The times of deliveries at a part of the peak.</summary>
    public async Task PacedAsync(ScenarioRun run, double peak, TimeSpan time, CancellationToken cancellationToken)
    {
        var times = new Latencies();
        var rate = Math.Clamp(peak * PacedShare / _each, 1, MostPaced);
        var phase = run.Begin($"{name}: {rate:0} messages a second", time);
        await RateAsync(rate, time, times, phase, cancellationToken).ConfigureAwait(false);
        run.Latency($"{name}: delivery at {ScenarioRun.Text(rate * _each, "N0")}/s", times);
    }

    /// <summary>So many messages a second.</summary>
    public async Task RateAsync(
        double rate, TimeSpan time, Latencies times, Phase phase, CancellationToken cancellationToken)
    {
        foreach (var each in _subscribers) each.Times = times;
        var brake = new Brake(MostUnderWay, () => _published - (Interlocked.Read(ref _delivered) / _each), Patience);
        await Pace.RunAsync(
            rate, time,
            due =>
            {
                brake.Wait(cancellationToken);
                var number = _published++;
                _publishers[number % publishers].Publish(_topics[number % topics], due);
                phase.Add(_each);
            },
            cancellationToken).ConfigureAwait(false);
        await ArrivedAsync(cancellationToken).ConfigureAwait(false);
        foreach (var each in _subscribers) each.Times = null;
    }

    /// <summary>Judges that nothing was lost.</summary>
    public void Judge(ScenarioRun run)
    {
        run.Exactly($"{name}: deliveries", _published * _each, Interlocked.Read(ref _delivered));
        run.Exactly($"{name}: subscribers that were dropped", 0, _subscribers.Count(each => !each.IsConnected));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var each in _publishers.OfType<Publisher>()) await each.DisposeAsync().ConfigureAwait(false);
        foreach (var each in _subscribers.OfType<Subscriber>()) await each.DisposeAsync().ConfigureAwait(false);
        _room.Dispose();
    }

    private async Task WindowedAsync(Phase phase, TimeSpan time, CancellationToken cancellationToken)
    {
        _isWindowed = true;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(time);
        List<Publisher> written = [];
        try
        {
            while (!over.IsCancellationRequested)
            {
                await _room.WaitAsync(over.Token).ConfigureAwait(false);
                // As many as there is room for, and then one flush: as a client with much to say does it.
                do
                {
                    var number = _published++;
                    var publisher = _publishers[number % publishers];
                    publisher.Write(_topics[number % topics], Stopwatch.GetTimestamp());
                    if (written.Count == 0 || written[^1] != publisher) written.Add(publisher);
                    phase.Add(_each);
                }
                while (_room.Wait(0, CancellationToken.None));

                foreach (var each in written) await each.FlushAsync().ConfigureAwait(false);
                written.Clear();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is over.
        }

        await ArrivedAsync(cancellationToken).ConfigureAwait(false);
        _isWindowed = false;
        while (_room.CurrentCount < window) _room.Release();
    }

    private async Task ArrivedAsync(CancellationToken cancellationToken)
    {
        for (var begun = Stopwatch.GetTimestamp();
            Interlocked.Read(ref _delivered) < _published * _each && Stopwatch.GetElapsedTime(begun) < Patience;)
            await Task.Delay(5, cancellationToken).ConfigureAwait(false);
    }

    // Whichever subscriber it is: on average a message has arrived when so many have come.
    private void OnArrived()
    {
        if (Interlocked.Increment(ref _delivered) % _each == 0 && _isWindowed) _room.Release();
    }
}
