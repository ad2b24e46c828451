using Akka.Actor;

namespace Macula.Actors.Bounded;

/// <summary>The time as actors see it.</summary>
public static class SchedulerTime
{
    /// <summary>Time that only goes forward, from an arbitrary start. The production scheduler has a monotonic clock,
    /// which a changed wall clock does not touch; a test scheduler's monotonic clock is the real one, its Now the
    /// virtual one, so there Now is taken.</summary>
    /// <remarks>The fine clock: the coarse one goes in steps of up to 10 ms, by which a lease would end too soon.</remarks>
    public static TimeSpan Elapsed(this IScheduler scheduler) =>
        scheduler is HashedWheelTimerScheduler
            ? scheduler.HighResMonotonicClock
            : TimeSpan.FromTicks(scheduler.Now.UtcTicks);
}
