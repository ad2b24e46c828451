using Akka.Configuration;
using Akka.TestKit.Xunit2;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Soak.Tests;

/// <summary>A day of the load that the reference died of within an hour, in virtual time: 5,000 clients an hour come, 4,900
/// leave again, services are renewed and abandoned, callers die in the middle of their calls. In a process of its own, as its
/// memory is measured.</summary>
public sealed class DaySpecs(ITestOutputHelper log) : TestKit(Virtual, output: log)
{
    private const int Hours = 24;
    private const int StayPerHour = 100;

    private static readonly Config Virtual = ConfigurationFactory.ParseString("""
        akka.loglevel = OFF
        akka.stdout-loglevel = OFF
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        """);

    private readonly FakeTimeProvider _time = new();
    private readonly ITestOutputHelper _log = log;

    [Fact]
    public async Task After_a_day_every_table_has_its_true_size_and_memory_is_that_of_the_first_hour()
    {
        var day = await Day.Begin(this, _time, stay: int.MaxValue);
        await day.Rush((Hours * StayPerHour) + 100);
        await day.Hour(0);
        var first = await day.LiveMemory(StayPerHour);
        for (var hour = 1; hour < Hours; hour++) await day.Hour(hour);
        Assert.Equal(Hours * StayPerHour, day.Staying);

        var last = await day.LiveMemory(StayPerHour); // the others leave first: as many are there as after the first hour
        Report(day, first, last);
        Assert.InRange(last, 0, first * 1.02);
        await day.End();
    }

    [Fact]
    public async Task A_day_of_failing_actors_and_links_leaves_nothing_behind_either()
    {
        var day = await Day.Begin(this, _time, stay: StayPerHour);
        await day.Rush(2 * StayPerHour);
        await Hour(0);
        var first = await day.LiveMemory(StayPerHour);
        for (var hour = 1; hour < Hours; hour++) await Hour(hour);

        var last = await day.LiveMemory(StayPerHour);
        Report(day, first, last);
        Assert.InRange(last, 0, first * 1.02);
        await day.End();

        async Task Hour(int hour)
        {
            await day.Crash(hour);
            await day.LoseLinks(StayPerHour / 2);
            await day.Hour(hour);
        }
    }

    private void Report(Day day, long first, long last)
    {
        _log.WriteLine($"{day.Connects} connects, {day.Calls} calls, {day.Stores} stores in {Hours} h: "
            + $"{first:N0} bytes live after the first hour, {last:N0} after the last");
        foreach (var table in day.Tables)
            _log.WriteLine($"{table.Name}: {table.Size} of {table.Limit}, at most {table.HighWater}, "
                + $"{table.Expiries} expired, {table.Evictions} evicted, {table.Rejected} rejected");
    }
}
