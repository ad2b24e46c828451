using System.Buffers.Binary;
using System.Diagnostics;
using Macula.Actors.Load.Measuring;

namespace Macula.Actors.Load.Neighbours;

/// <summary>One publishes to one at a fixed rate; times are from when a message was due until it is there.</summary>
internal sealed class PacedBench : IBench
{
    private const string Topic = "load.paced";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Bed _bed;
    private readonly string _measure;
    private readonly double _rate;
    private readonly INeighbourClient _publisher;
    private readonly Listener _subscriber;
    private readonly byte[] _payload = Payload.Create();
    private Latencies _times = new();

    private PacedBench(Bed bed, string measure, double rate, INeighbourClient publisher, INeighbourClient subscriber)
    {
        (_bed, _measure, _rate, _publisher) = (bed, measure, rate, publisher);
        _subscriber = new Listener(subscriber, arrival =>
        {
            _times.RecordSince(BinaryPrimitives.ReadInt64LittleEndian(arrival.Payload));
            return false;
        });
    }

    /// <param name="rate">Messages a second.</param>
    public static async Task<PacedBench> OpenAsync(
        Bed bed, string measure, double rate, CancellationToken cancellationToken)
    {
        var subscriber = await bed.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await subscriber.SubscribeAsync(Topic, cancellationToken).ConfigureAwait(false);
        var publisher = await bed.ConnectAsync(cancellationToken).ConfigureAwait(false);
        return new PacedBench(bed, measure, rate, publisher, subscriber);
    }

    public async Task RunAsync(TimeSpan time, Tell tell, CancellationToken cancellationToken)
    {
        Protocol.Utf8Text topic = Topic;
        var times = _times = new Latencies();
        var sent = await Pace.RunAsync(
            _rate, time,
            due =>
            {
                BinaryPrimitives.WriteInt64LittleEndian(_payload, due);
                _publisher.Publish(topic, _payload);
                var flushing = _publisher.FlushAsync();
                if (flushing.IsCompletedSuccessfully) flushing.GetAwaiter().GetResult();
                else flushing.AsTask().GetAwaiter().GetResult();
            },
            cancellationToken).ConfigureAwait(false);
        for (var waiting = Stopwatch.GetTimestamp(); times.Count < sent;)
        {
            if (Stopwatch.GetElapsedTime(waiting) > Patience)
                throw new TimeoutException($"{_bed.Name}: {sent - times.Count} of {sent} messages did not arrive");
            await Task.Delay(5, cancellationToken).ConfigureAwait(false);
        }

        tell($"{_measure}, p50", times.At(50).TotalMicroseconds, "us");
        tell($"{_measure}, p99", times.At(99).TotalMicroseconds, "us");
    }

    public async ValueTask DisposeAsync()
    {
        _publisher.Die();
        await _publisher.DisposeAsync().ConfigureAwait(false);
        await _subscriber.DisposeAsync().ConfigureAwait(false);
    }
}
