using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;

namespace Macula.Actors.Tests;

/// <summary>What most actor specs need.</summary>
internal static class SpecExtensions
{
    /// <summary>The most that anything in a spec may take; far more than it does.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Deadline);

    public static Task Soon(this Task task) => task.WaitAsync(Deadline);

    /// <summary>Returns once the actor has handled all that it was told before.</summary>
    public static async Task Handled(this TestKit kit, IActorRef actor)
    {
        var asked = kit.CreateTestProbe();
        actor.Tell(new Identify(actor), asked);
        await asked.ExpectMsgAsync<ActorIdentity>(Deadline);
    }

    /// <summary>Moves the virtual time.</summary>
    public static void Advance(this TestKit kit, TimeSpan time) => ((TestScheduler)kit.Sys.Scheduler).Advance(time);

    /// <summary>Waits for what another thread does; for ends and other things that are not answered.</summary>
    public static Task Eventually(this TestKit kit, Func<bool> condition) =>
        kit.AwaitConditionAsync(() => Task.FromResult(condition()), Deadline, TimeSpan.FromMilliseconds(5));

    /// <summary>Ends an actor and returns when it has ended.</summary>
    public static async Task End(this TestKit kit, IActorRef actor)
    {
        var watcher = kit.CreateTestProbe();
        watcher.Watch(actor);
        kit.Sys.Stop(actor);
        await watcher.ExpectTerminatedAsync(actor, Deadline);
    }
}
