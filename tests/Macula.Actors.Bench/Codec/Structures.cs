using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Macula.Actors.Bench.Codec;

/// <summary>The bounded structures that each message passes.</summary>
public class Structures
{
    private const int Waiting = 100_000;

    private readonly DeadlineWheel<object> _wheel = new(TimeSpan.FromMilliseconds(20), TimeSpan.Zero);
    private readonly OutboundQueue _queue = new(
        new OutboundLimits(1024, 4 << 20, SlowConsumerPolicy.DropOldest), Metrics());
    private readonly FrameRing _ring = new();
    private readonly FrameRing _full = new();
    private readonly ReadCredit _credit = new(64, 1 << 20);
    private readonly byte[] _frame = Samples.PublishSmall.ToFrame();
    private readonly object _value = new();

    public Structures()
    {
        for (var i = 0; i < Waiting; i++) _wheel.Set(_value, TimeSpan.FromMilliseconds(i));
        for (var i = 0; i < 1024; i++) _full.Enqueue(_frame, droppable: true);
    }

    /// <summary>The deadline of a call that is answered, 100,000 others waiting.</summary>
    [Benchmark]
    public int DeadlineSetAndLift()
    {
        _wheel.Lift(_wheel.Set(_value, TimeSpan.FromSeconds(30)));
        return _wheel.Count;
    }

    /// <summary>A frame in and out again, counted against the bound.</summary>
    [Benchmark]
    public int OutboundInAndOut()
    {
        lock (_queue.Gate)
        {
            if (_queue.HasRoom(_frame.Length)) _ring.Enqueue(_frame, droppable: true);
            _queue.Add(_frame.Length);
        }

        lock (_queue.Gate)
        {
            _ring.TryDequeue(out var frame);
            _queue.Remove(1, frame.Length);
            return _ring.Count;
        }
    }

    /// <summary>A slow consumer's queue of 1,024 frames: the oldest goes, a new one comes.</summary>
    [Benchmark]
    public int OutboundDropOldest()
    {
        lock (_queue.Gate)
        {
            _full.TryDropOldest(out _);
            _full.Enqueue(_frame, droppable: true);
            return _full.Count;
        }
    }

    /// <summary>The credit of a frame, taken and returned.</summary>
    [Benchmark]
    public int ReadCreditTakeAndReturn()
    {
        var taken = _credit.TakeAsync(_frame.Length);
        if (taken.IsCompletedSuccessfully) taken.Result.Return();
        return _credit.Frames;
    }

    private static GatewayMetrics Metrics() => new(
        new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>(),
        new TableCensus());
}
