using System.Diagnostics;
using Macula.Actors.Load.Measuring;

namespace Macula.Actors.Load.Tests;

public sealed class LatenciesSpecs
{
    [Fact]
    public void Percentiles_are_exact_to_three_digits()
    {
        var times = new Latencies();
        for (var i = 1; i <= 1000; i++) times.Record(TimeSpan.FromMilliseconds(i));

        Assert.Equal(1000, times.Count);
        Near(TimeSpan.FromMilliseconds(500), times.At(50));
        Near(TimeSpan.FromMilliseconds(990), times.At(99));
        Near(TimeSpan.FromMilliseconds(1000), times.Max);
    }

    [Fact]
    public void Without_any_all_is_zero()
    {
        var times = new Latencies();

        Assert.Equal((0, TimeSpan.Zero, TimeSpan.Zero), (times.Count, times.At(99), times.Max));
    }

    [Fact]
    public void What_is_out_of_range_counts_as_the_nearest_within()
    {
        var times = new Latencies();
        times.Record(TimeSpan.FromHours(5));
        times.Record(TimeSpan.Zero);
        times.Record(-TimeSpan.FromSeconds(1));

        Assert.Equal(3, times.Count);
        Near(TimeSpan.FromMinutes(10), times.Max);
        Assert.Equal(TimeSpan.FromMicroseconds(1), times.At(50));
    }

    [Fact]
    public async Task A_paced_load_counts_from_when_an_operation_was_due_and_not_from_when_it_ran()
    {
        // 100 operations, one each millisecond; the first holds all others up for 60 ms.
        var times = new Latencies();
        var isFirst = true;
        var count = await Pace.RunAsync(1000, TimeSpan.FromMilliseconds(100), due =>
        {
            while (isFirst && Stopwatch.GetElapsedTime(due) < TimeSpan.FromMilliseconds(60)) Thread.SpinWait(20);
            isFirst = false;
            times.RecordSince(due);
        }, CancellationToken.None);

        Assert.Equal((100, 100), (count, times.Count));
        // Measured from when each ran, only the first would be slow; here half of them waited for it.
        Assert.True(times.At(50) >= TimeSpan.FromMilliseconds(9), $"p50 is {times.At(50)}");
        Assert.True(times.Max >= TimeSpan.FromMilliseconds(60), $"max is {times.Max}");
    }

    [Fact]
    public async Task A_paced_load_keeps_its_rate()
    {
        var begun = Stopwatch.GetTimestamp();
        var count = await Pace.RunAsync(2000, TimeSpan.FromMilliseconds(200), _ => { }, CancellationToken.None);

        Assert.Equal(400, count);
        Assert.True(Stopwatch.GetElapsedTime(begun) >= TimeSpan.FromMilliseconds(199));
        Assert.Equal(Stopwatch.Frequency / 2, Pace.Due(1000, 2000));
    }

    [Theory]
    [InlineData(100, 0.29, 29)] // 28.999... to a computer
    [InlineData(1000, 60, 60_000)]
    [InlineData(133.3, 3, 400)]
    [InlineData(0.5, 1, 0)]
    public void A_paced_load_has_as_many_operations_as_its_rate_says(double rate, double seconds, long expected) =>
        Assert.Equal(expected, Pace.Count(rate, TimeSpan.FromSeconds(seconds)));

    [Fact]
    public async Task They_are_read_while_others_come()
    {
        const int count = 300_000;
        var times = new Latencies();
        var recording = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < count; i++) times.Record(TimeSpan.FromMicroseconds(1 + (i % 1000)));
        })));
        while (!recording.IsCompleted)
            Assert.InRange(times.At(99), TimeSpan.Zero, times.Max);

        await recording;
        Assert.Equal(2 * count, times.Count);
    }

    [Fact]
    public async Task A_brake_holds_back_until_there_is_room()
    {
        var underWay = 5L;
        var brake = new Brake(5, () => Interlocked.Read(ref underWay), TimeSpan.FromMinutes(1));
        var waiting = Task.Run(() => brake.Wait(CancellationToken.None));
        Assert.False(waiting.IsCompleted);

        Interlocked.Decrement(ref underWay);
        await waiting.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void A_brake_gives_up_once_and_for_all_what_does_not_arrive()
    {
        var asked = 0;
        var brake = new Brake(5, () => ++asked, TimeSpan.Zero);
        while (asked < 5) brake.Wait(CancellationToken.None);
        brake.Wait(CancellationToken.None);

        var before = asked;
        brake.Wait(CancellationToken.None);
        Assert.Equal(before, asked);
    }

    [Fact]
    public void Growth_is_that_of_the_straight_line_that_fits_best()
    {
        (TimeSpan, double)[] rising = [.. Enumerable.Range(0, 60).Select(i => (TimeSpan.FromMinutes(i), 1000 + (2.0 * i)))];
        (TimeSpan, double)[] shaking = [.. rising.Select((each, i) => (each.Item1, 1000.0 + (i % 2 * 10)))];

        Assert.Equal(120, Slope.PerHour(rising), 6);
        Assert.InRange(Slope.PerHour(shaking), -1, 1);
        Assert.Equal(0, Slope.PerHour([]));
        Assert.Equal(0, Slope.PerHour([(TimeSpan.FromHours(1), 5), (TimeSpan.FromHours(1), 9)]));
    }

    private static void Near(TimeSpan expected, TimeSpan measured) =>
        Assert.InRange(measured, expected * 0.999, expected * 1.002);
}
