using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Scenarios;

/// <summary>A bit of everything, for long.</summary>
internal sealed class SoakScenario : IScenario
{
    private const string Procedure = "load.soak.echo";
    private const int Payload = 100;
    private const int Idle = 1_000, LeastIdle = 20, Subscribers = 100, LeastSubscribers = 5;
    private const int Others = 3; // publisher, provider, caller
    private const double ChurnPerMinute = 0.05;
    private const double MostGrowth = 1; // percent an hour

    private static readonly TimeSpan LongestWarmUp = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Telling = TimeSpan.FromMinutes(30); // less says nothing about an hour
    private static readonly TimeSpan MostOften = TimeSpan.FromSeconds(1), LeastOften = TimeSpan.FromMinutes(1); // collections
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => "soak";

    public string Summary => "messages, calls and 5 % of the clients changing each minute, for any length: nothing grows";

    public int Clients(LoadOptions options) =>
        ScenarioRun.Scaled(options, Idle, LeastIdle) + ScenarioRun.Scaled(options, Subscribers, LeastSubscribers) + Others;

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var count = run.Size("idle clients", Idle, LeastIdle);
        var subscribers = run.Size("subscribers", Subscribers, LeastSubscribers);
        var rate = run.Size("messages, and calls, a second", 100, 10);
        var time = run.Time("time", TimeSpan.FromHours(1));
        var before = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        var fanOut = new FanOut("messages", 1, 1, subscribers, 8);
        await using var _ = fanOut.ConfigureAwait(false);
        await fanOut.ConnectAsync(run, cancellationToken).ConfigureAwait(false);
        await using var echo = await Echo.StartAsync(run.Dial, run.Seeded.Id(0, "echo"), Procedure, cancellationToken).ConfigureAwait(false);
        var calls = await CallLoad.StartAsync(run, Procedure, 0, Payload, cancellationToken).ConfigureAwait(false);
        await using var __ = calls.ConfigureAwait(false);
        var idle = await Crowd.ConnectAsync(run, "connecting", 0, count, cancellationToken).ConfigureAwait(false);
        try
        {
            var began = run.Node.Elapsed;
            var (deliveries, replies) = (new Latencies(), new Latencies());
            var phase = run.Begin("soaking", time);
            var (changed, collections) = await AllAsync(
                fanOut.RateAsync(rate, time, deliveries, phase, cancellationToken),
                calls.PacedAsync(phase, rate, time, replies, cancellationToken),
                ChurnAsync(run, idle, began, time, cancellationToken),
                CollectAsync(run, began, time, cancellationToken)).ConfigureAwait(false);
            run.Figure("clients that left and came again", changed);
            run.Figure("collections that the node was asked for", collections);
            run.Latency("delivery", deliveries);
            run.Latency("call", replies);
            fanOut.Judge(run);
            run.Exactly("calls that failed or had no reply", 0, calls.Failed + calls.Pending);
            var all = before.Size("clients") + count + subscribers + Others;
            await run.ExpectAsync(
                "the tables are as large as the truth", Patience, cancellationToken,
                ("clients", all), ("client_streams", all), ("pubsub.patterns", before.Size("pubsub.patterns") + subscribers),
                ("registry.services", before.Size("registry.services") + 1)).ConfigureAwait(false);
            JudgeGrowth(run, began, time);
        }
        finally
        {
            await Crowd.EndAsync(idle).ConfigureAwait(false);
        }
    }

    private static async Task<(int Changed, int Collections)> AllAsync(Task one, Task two, Task<int> churn, Task<int> collecting)
    {
        await Task.WhenAll(one, two, churn, collecting).ConfigureAwait(false);
        return (await churn.ConfigureAwait(false), await collecting.ConfigureAwait(false));
    }

    // A node that is well collects all its garbage a few times an hour: too few readings to tell growth from chance.
    private static async Task<int> CollectAsync(
        ScenarioRun run, TimeSpan began, TimeSpan time, CancellationToken cancellationToken)
    {
        var interval = TimeSpan.FromTicks(Math.Clamp(time.Ticks / 10, MostOften.Ticks, LeastOften.Ticks));
        using var ticks = new PeriodicTimer(interval);
        var count = 0;
        while (run.Own is { } own && run.Node.Elapsed - began < time - interval
            && await ticks.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false)
            && await own.CollectAsync(cancellationToken).ConfigureAwait(false))
            count++;
        return count;
    }

    // Half of them say goodbye, half of them do not.
    private static async Task<int> ChurnAsync(
        ScenarioRun run, LoadClient[] idle, TimeSpan began, TimeSpan time, CancellationToken cancellationToken)
    {
        var changed = 0;
        while (run.Node.Elapsed - began is var now && now < time)
        {
            for (var due = (int)(idle.Length * ChurnPerMinute * now.TotalMinutes); changed < due; changed++)
            {
                var i = run.Seeded.Random.Next(idle.Length);
                if (changed % 2 == 0)
                {
                    await idle[i].LeaveAsync().ConfigureAwait(false);
                }
                else
                {
                    idle[i].Die();
                    await idle[i].DisposeAsync().ConfigureAwait(false);
                }

                idle[i] = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(idle.Length + changed), cancellationToken)
                    .ConfigureAwait(false);
            }

            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }

        return changed;
    }

    private static void JudgeGrowth(ScenarioRun run, TimeSpan began, TimeSpan time)
    {
        var warmUp = TimeSpan.FromTicks(Math.Min(LongestWarmUp.Ticks, time.Ticks / 6));
        foreach (var each in Growth.Of([.. run.Node.Samples.Where(each => each.At - began >= warmUp && each.At - began <= time)]))
        {
            run.Figure($"{each.What} after the warm-up", each.First, each.Unit);
            run.Figure($"{each.What} at the end", each.Last, each.Unit);
            if (time < Telling || !each.IsPromised) run.Figure($"growth of {each.What}", each.Percent, "% an hour");
            else run.AtMost($"growth of {each.What}, percent an hour", MostGrowth, each.Percent, "0.00");
        }
    }
}
