using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;

namespace Macula.Actors.Tests.Bounded;

public sealed class SchedulerTimeSpecs : TestKit
{
    [Fact]
    public void The_time_of_the_production_scheduler_goes_forward_in_steps_of_less_than_a_millisecond()
    {
        var finest = TimeSpan.MaxValue;
        var last = Sys.Scheduler.Elapsed();
        for (var steps = 0; steps < 20;)
        {
            var now = Sys.Scheduler.Elapsed();
            Assert.True(now >= last);
            if (now == last) continue;
            (finest, last) = (now - last < finest ? now - last : finest, now);
            steps++;
        }

        Assert.True(finest < TimeSpan.FromMilliseconds(1), $"the finest of 20 steps took {finest}");
    }
}
