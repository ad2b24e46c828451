using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>What those who do nothing cost those who do something.</summary>
internal sealed class IdleSlopeScenario : IScenario
{
    private const string Procedure = "load.idle.echo";
    private const int Payload = 100;
    private const int All = 10_000, LeastOfAll = 20;
    private const int Others = 4; // subscriber, publisher, provider, caller
    private const double Rate = 500; // of the paced loads, a second
    private const double CallRatio = 1.2, Flat = 0.9;
    private const double GoalOneCaller = 8_250, GoalManyCalls = 90_800;

    private static readonly Utf8Text Topic = "load.idle.news";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => "idle-slope";

    public string Summary => "publish and call p99 and rates with 0, 1,000, 5,000 and 10,000 idle subscribers: flat";

    public IEnumerable<string> NodeSettings(LoadOptions options) => ["macula.clients.max-clients=11000"];

    public int Clients(LoadOptions options) => ScenarioRun.Scaled(options, All, LeastOfAll) + Others;

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        int[] steps =
        [
            0, run.Size("first step", 1_000, 5), run.Size("second step", 5_000, 10), run.Size("third step", All, LeastOfAll),
        ];
        var time = run.Time("time of each phase", TimeSpan.FromSeconds(10));
        List<LoadClient> idle = [];
        await using var subscriber = await Subscriber.StartAsync(
            run.Dial, run.Seeded.Id(0, "subscriber"), Topic, cancellationToken).ConfigureAwait(false);
        await using var publisher = await Publisher.StartAsync(
            run.Dial, run.Seeded.Id(0, "publisher"), Payload, cancellationToken).ConfigureAwait(false);
        await using var echo = await Echo.StartAsync(run.Dial, run.Seeded.Id(0, "echo"), Procedure, cancellationToken).ConfigureAwait(false);
        var calls = await CallLoad.StartAsync(run, Procedure, 0, Payload, cancellationToken).ConfigureAwait(false);
        await using var _ = calls.ConfigureAwait(false);
        try
        {
            await calls.ClosedAsync(run.Begin("warm-up", time / 2), 16, time / 2, cancellationToken).ConfigureAwait(false);
            List<Step> results = [];
            foreach (var step in steps)
            {
                await SubscribeAsync(run, idle, step, cancellationToken).ConfigureAwait(false);
                if (step > 0) await Task.Delay(time / 2, cancellationToken).ConfigureAwait(false); // until they are idle
                results.Add(await MeasureAsync(step).ConfigureAwait(false));
            }

            var (none, most) = (results[0], results[^1]);
            run.AtMost("p99 of a call among all of them, to that among none", CallRatio, most.Call / none.Call, "0.00 'times'", isGoal: !run.IsFullSize);
            run.AtMost("p99 of a delivery among all of them, to that among none", CallRatio, most.Delivery / none.Delivery, "0.00 'times'", isGoal: true);
            run.AtLeast("calls a second among all of them, to those among none", Flat, most.CallRate / none.CallRate, "0.00 'times'", isGoal: true);
            run.AtLeast("calls a second by one caller", GoalOneCaller, none.CallRate, "N0", isGoal: true);
            run.AtLeast("calls a second, 64 on one connection", GoalManyCalls, none.ManyRate, "N0", isGoal: true);
            run.Exactly("messages lost", 0, publisher.Published - subscriber.Received);
            run.Exactly("calls that failed or had no reply", 0, calls.Failed + calls.Pending);
        }
        finally
        {
            await Crowd.EndAsync(idle).ConfigureAwait(false);
        }

        async Task<Step> MeasureAsync(int step)
        {
            var (deliveries, paced) = (new Latencies(), new Latencies());
            subscriber.Times = deliveries;
            var publishing = run.Begin($"{step:N0} idle: messages", time);
            await Pace.RunAsync(Rate, time, due => { publisher.Publish(Topic, due); publishing.Add(); }, cancellationToken)
                .ConfigureAwait(false);
            for (var begun = Stopwatch.GetTimestamp(); subscriber.Received < publisher.Published && Stopwatch.GetElapsedTime(begun) < Patience;)
                await Task.Delay(5, cancellationToken).ConfigureAwait(false);
            await calls.PacedAsync(run.Begin($"{step:N0} idle: calls", time), Rate, time, paced, cancellationToken).ConfigureAwait(false);
            var rate = await calls.ClosedAsync(run.Begin($"{step:N0} idle: one caller", time), 1, time, cancellationToken).ConfigureAwait(false);
            var many = await calls.ClosedAsync(run.Begin($"{step:N0} idle: 64 calls", time), 64, time, cancellationToken).ConfigureAwait(false);
            run.Latency($"delivery among {step:N0}, at {Rate}/s", deliveries);
            run.Latency($"call among {step:N0}, at {Rate}/s", paced);
            run.Figure($"calls a second by one caller among {step:N0}", rate, "1/s");
            run.Figure($"calls a second, 64 at once, among {step:N0}", many, "1/s");
            return new Step(deliveries.At(99).TotalMicroseconds, paced.At(99).TotalMicroseconds, rate, many);
        }
    }

    // Each has a topic of its own that nobody publishes to.
    private static async Task SubscribeAsync(ScenarioRun run, List<LoadClient> idle, int count, CancellationToken cancellationToken)
    {
        var first = idle.Count;
        var more = await Crowd.ConnectAsync(run, $"to {count:N0} idle", first, count - first, cancellationToken).ConfigureAwait(false);
        idle.AddRange(more);
        await Crowd.EachAsync(more.Length, Crowd.Width, async (i, stop) =>
        {
            await more[i].SendAsync(new SubscribeMessage([$"load.idle.{first + i}.*"])).ConfigureAwait(false);
            await more[i].SettleAsync(stop).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
    }

    private sealed record Step(double Delivery, double Call, double CallRate, double ManyRate);
}
