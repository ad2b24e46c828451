using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Some subscribers stop reading; it must be their problem alone.</summary>
internal sealed class SlowScenario : IScenario
{
    private const int All = 500, LeastOfAll = 100;
    private const int Payload = 1024;
    private const int QueueFrames = 128; // of a node that is started, so that the bound is reached soon
    private const int UsualQueueFrames = 1024;
    private const int MostUnderWay = QueueFrames / 2; // to those who read
    private const int Window = 16 * 1024; // of the slow ones' streams, for the same reason
    private const int NodeBuffer = 256 * 1024; // what the node's transport takes before its queue begins
    private const int Rounds = 2; // with and without slow ones in turn: what drifts meets both alike
    private const double Deliveries = 20_000; // a second, which leaves half of two cores idle
    private const double Ratio = 1.2;

    private static readonly Utf8Text Topic = "load.slow.news";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => "slow";

    public string Summary => "1 % of the subscribers stop reading: the others keep their p99, and no queue grows beyond its bound";

    public IEnumerable<string> NodeSettings(LoadOptions options) => [$"macula.gateway.outbound-max-frames={QueueFrames}"];

    public int Clients(LoadOptions options) => ScenarioRun.Scaled(options, All, LeastOfAll) + 1; // and a publisher

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var count = run.Size("subscribers", All, LeastOfAll);
        var slowCount = run.Fixed("of them slow", Math.Max(1, count / 100));
        var rate = run.Fixed("messages a second", (int)Math.Min(400, Deliveries / count));
        var time = run.Time("time of each phase", TimeSpan.FromSeconds(20));
        // Long enough for what a slow one does not read to be half as much again as can be kept for it.
        var kept = MostKept(run);
        var slowTime = TimeSpan.FromSeconds(Math.Max(time.TotalSeconds, 1.5 * kept / rate));
        List<Subscriber> all = [];
        try
        {
            await SubscribeAsync(run, all, count, slowCount, cancellationToken).ConfigureAwait(false);
            var (slow, others) = (all[..slowCount], all[slowCount..]);
            await using var publisher = await Publisher.StartAsync(
                run.Dial, run.Seeded.Id(0, "publisher"), Payload, cancellationToken).ConfigureAwait(false);
            var (without, with) = (new Latencies(), new Latencies());
            var (backlog, lost) = (0L, 0L);

            await PublishAsync("warm-up", new Latencies(), time / 4).ConfigureAwait(false);
            for (var round = 1; round <= Rounds; round++)
            {
                await PublishAsync($"round {round}: all read", without, time).ConfigureAwait(false);
                foreach (var each in slow) each.Pause();
                var (received, published) = (slow.Select(each => each.Received).ToArray(), publisher.Published);
                await PublishAsync($"round {round}: {slowCount} do not", with, slowTime).ConfigureAwait(false);
                await publisher.SettleAsync(cancellationToken).ConfigureAwait(false);
                run.Begin($"round {round}: they read again", Patience);
                foreach (var each in slow) each.Resume();
                await QuietAsync(slow, cancellationToken).ConfigureAwait(false);
                var got = slow.Zip(received, (each, then) => each.Received - then).ToArray();
                backlog = Math.Max(backlog, got.Max());
                lost += ((publisher.Published - published) * slowCount) - got.Sum();
            }

            var isBusy = Math.Min(without.Count, with.Count) > 0;
            var ratio = isBusy ? with.At(99) / without.At(99) : double.PositiveInfinity;
            run.Latency("delivery while all read", without);
            run.Latency("delivery to the others while some do not", with);
            run.AtMost("the others keep their p99", Ratio, ratio, "0.00 'times'", isGoal: !run.IsFullSize);
            run.Exactly("messages that the others lost", 0, (publisher.Published * others.Count) - others.Sum(each => each.Received));
            run.Exactly("subscribers that were dropped", 0, all.Count(each => !each.IsConnected));
            run.Judge("messages that were kept for a slow one", $"at most {kept}", ScenarioRun.Text(backlog), backlog <= kept);
            run.Judge("messages that slow ones lost, once that was full", "some", ScenarioRun.Text(lost), lost > 0);

            async Task PublishAsync(string phase, Latencies times, TimeSpan duration)
            {
                var counted = run.Begin(phase, duration);
                foreach (var each in others) each.Times = times;
                var brake = new Brake(
                    MostUnderWay, () => publisher.Published - (others.Sum(each => each.Received) / others.Count), Patience);
                await Pace.RunAsync(
                    rate, duration,
                    due =>
                    {
                        brake.Wait(cancellationToken);
                        publisher.Publish(Topic, due);
                        counted.Add(count);
                    },
                    cancellationToken).ConfigureAwait(false);
                await CaughtUpAsync(others, publisher.Published, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var each in all) await each.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task SubscribeAsync(
        ScenarioRun run, List<Subscriber> all, int count, int slow, CancellationToken cancellationToken)
    {
        var phase = run.Begin("subscribing", count);
        var narrow = new Dial(run.Dial, Window);
        for (; all.Count < count; phase.Add())
            all.Add(await Subscriber.StartAsync(
                all.Count < slow ? narrow : run.Dial, run.Seeded.Id(all.Count), Topic, cancellationToken).ConfigureAwait(false));
    }

    // Its queue in the node, QUIC's buffers at both ends, one that is being written, and one that woke the reader. That
    // is what a slow one gets when it reads again.
    private static int MostKept(ScenarioRun run) =>
        (run.Own is null ? UsualQueueFrames : QueueFrames) + ((Window + NodeBuffer) / Payload) + 2;

    private static async Task CaughtUpAsync(
        IReadOnlyList<Subscriber> subscribers, long published, CancellationToken cancellationToken)
    {
        for (var begun = Stopwatch.GetTimestamp();
            Stopwatch.GetElapsedTime(begun) < Patience && subscribers.Any(each => each.Received < published);)
            await Task.Delay(10, cancellationToken).ConfigureAwait(false);
    }

    // Until nothing has come for a while: how much there is cannot be known.
    private static async Task QuietAsync(IReadOnlyList<Subscriber> subscribers, CancellationToken cancellationToken)
    {
        for (long last = -1, now = 0; last != now; now = subscribers.Sum(each => each.Received))
        {
            last = now;
            await Task.Delay(300, cancellationToken).ConfigureAwait(false);
        }
    }
}
