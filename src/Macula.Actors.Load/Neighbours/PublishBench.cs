using System.Diagnostics;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Neighbours;

/// <summary>One publishes as fast as the others read. What is in flight is bounded: the next batch goes when the one that
/// many before it has reached everybody, so that no queue overflows, and nothing may be lost.</summary>
internal sealed class PublishBench : IBench
{
    private const string Topic = "load.publish";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Bed _bed;
    private readonly string _measure;
    private readonly INeighbourClient _publisher;
    private readonly int _batch, _batches;
    private readonly long _arrivalsOfBatch;
    private readonly byte[] _payload = Payload.Create();
    private readonly SemaphoreSlim _window;
    private readonly List<Listener> _subscribers = [];
    private long _arrived;

    private PublishBench(Bed bed, string measure, INeighbourClient publisher, int subscribers, int batch, int batches)
    {
        (_bed, _measure, _publisher, _batch, _batches) = (bed, measure, publisher, batch, batches);
        (_arrivalsOfBatch, _window) = ((long)batch * subscribers, new SemaphoreSlim(batches));
    }

    /// <param name="batch">Messages that are sent in one piece.</param>
    /// <param name="batches">Of those, how many are in flight.</param>
    public static async Task<PublishBench> OpenAsync(
        Bed bed, string measure, int subscribers, int batch, int batches, CancellationToken cancellationToken)
    {
        var publisher = await bed.ConnectAsync(cancellationToken).ConfigureAwait(false);
        var bench = new PublishBench(bed, measure, publisher, subscribers, batch, batches);
        INeighbourClient[] clients = [];
        try
        {
            clients = await IdleClients.ConnectAsync(bed, subscribers, cancellationToken).ConfigureAwait(false);
            await IdleClients.SubscribeAsync(clients, _ => Topic, cancellationToken).ConfigureAwait(false);
            bench._subscribers.AddRange(clients.Select(each => new Listener(each, bench.OnArrival)));
            return bench;
        }
        catch
        {
            await Crowd.EndAsync(clients).ConfigureAwait(false);
            await bench.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task RunAsync(TimeSpan time, Tell tell, CancellationToken cancellationToken)
    {
        Protocol.Utf8Text topic = Topic;
        var (before, cpu) = (Interlocked.Read(ref _arrived), _bed.Kernel.CpuSeconds);
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            await ArrivedAsync(cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < _batch; i++) _publisher.Publish(topic, _payload);
            await _publisher.FlushAsync().ConfigureAwait(false);
        }

        for (var i = 0; i < _batches; i++) await ArrivedAsync(cancellationToken).ConfigureAwait(false);
        var (count, took) = (Interlocked.Read(ref _arrived) - before, Stopwatch.GetElapsedTime(start));
        _window.Release(_batches);
        tell(_measure, count / took.TotalSeconds, "1/s");
        tell($"{_measure}, server CPU a delivery", (_bed.Kernel.CpuSeconds - cpu) / count * 1e9, "ns");
    }

    public async ValueTask DisposeAsync()
    {
        _publisher.Die();
        await _publisher.DisposeAsync().ConfigureAwait(false);
        foreach (var subscriber in _subscribers) await subscriber.DisposeAsync().ConfigureAwait(false);
        _window.Dispose();
    }

    private bool OnArrival(Arrival arrival)
    {
        if (Interlocked.Increment(ref _arrived) % _arrivalsOfBatch == 0) _window.Release();
        return false;
    }

    private async Task ArrivedAsync(CancellationToken cancellationToken)
    {
        if (await _window.WaitAsync(Patience, cancellationToken).ConfigureAwait(false)) return;
        var fault = _subscribers.Select(each => each.Fault).FirstOrDefault(each => each is not null);
        throw new TimeoutException(
            $"{_bed.Name}: a message did not arrive within {Patience.TotalSeconds} s{(fault is null ? "" : $": {fault}")}");
    }
}
