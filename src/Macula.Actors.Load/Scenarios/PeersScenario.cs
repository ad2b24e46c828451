using Macula.Actors.Load.Neighbours;

namespace Macula.Actors.Load.Scenarios;

/// <summary>The same work on other servers, so that every figure has a neighbour.</summary>
internal sealed class PeersScenario : IScenario
{
    private const string
        OneToOne = "one to one", Paced = "one to one at 2,000/s", FanOut = "fan-out delivered",
        OneCaller = "requests of one caller", ManyCallers = "requests of 64 callers on one connection", Connects = "connects";

    private const int Callers = 64;
    private const int Batch = 64, Batches = 64; // of one to one: 4,096 in flight
    private const int FanOutInFlight = 64; // for each subscriber
    private const double PacedRate = 2_000;

    // What the goals are, on two cores that server and load share.
    private const double OverMqttNet = 3, OneCallerGoal = 8_250, ConnectsGoal = 740, MemoryGoal = 25 * 1024, Flat = 0.9;

    // Room for the load, and queues that hold what it has in flight, as for the neighbours.
    private static readonly string[] Settings =
    [
        "macula.clients.max-clients=200000", "macula.gateway.max-connections=200000", "macula.gateway.outbound-max-frames=8192",
    ];

    private static readonly TimeSpan RunTime = TimeSpan.FromSeconds(3);

    public string Name => "peers";

    public string Summary => "the same work on nats-server, mosquitto and MQTTnet, with TLS, in the same run";

    public string? NeedsOwnNode => "its figures stand beside those of servers that are started for it";

    public IEnumerable<string> NodeSettings(LoadOptions options) => Settings;

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var runs = run.Fixed("runs of each measure, of which the median is told", run.Options.Runs);
        var time = run.Time("each run", RunTime);
        using var kinds = new NeighbourKinds();
        INeighbourKind[] present =
        [
            new MaculaNeighbour.Kind(run, [.. Settings, .. run.Options.NodeSettings]),
            .. kinds.All.Where(kind => kind.Missing is null),
        ];
        foreach (var kind in kinds.All)
            if (kind.Missing is { } missing) NeighbourRun.NotMeasured(run, kind.Name, missing);

        var results = new NeighbourResults();
        var work = new NeighbourRun(run, present, runs, time, results);
        await work.SideBySideAsync(Measures(run), cancellationToken).ConfigureAwait(false);
        await work.AmongIdleAsync(MemoryLevels(run), RateLevels(run), cancellationToken).ConfigureAwait(false);
        results.Tell(run, [.. present.Select(kind => kind.Name)]);
        Judge(run, results);
    }

    private static Measure[] Measures(ScenarioRun run)
    {
        var subscribers = run.Size("subscribers of the fan-out", 1_000, 10);
        var connects = run.Size("connects of a run", 200, IdleClients.Width);
        run.Fixed("connects at once", IdleClients.Width);
        run.Fixed("messages in flight, one to one", Batch * Batches);
        run.Fixed("messages in flight to each subscriber, fan-out", FanOutInFlight);
        run.Fixed("bytes of a payload", Payload.Size);
        return
        [
            new(OneToOne, async (bed, stop) =>
                await PublishBench.OpenAsync(bed, OneToOne, 1, Batch, Batches, stop).ConfigureAwait(false)),
            new(Paced, async (bed, stop) => await PacedBench.OpenAsync(bed, Paced, PacedRate, stop).ConfigureAwait(false)),
            new(FanOut, async (bed, stop) =>
                await PublishBench.OpenAsync(bed, FanOut, subscribers, 1, FanOutInFlight, stop).ConfigureAwait(false)),
            new(OneCaller, async (bed, stop) => await CallBench.OpenAsync(bed, OneCaller, 1, stop).ConfigureAwait(false)),
            new(ManyCallers, async (bed, stop) =>
                await CallBench.OpenAsync(bed, ManyCallers, Callers, stop).ConfigureAwait(false)),
            new(Connects, (bed, _) => Task.FromResult<IBench>(new ConnectBench(bed, Connects, connects))),
        ];
    }

    private static int[] MemoryLevels(ScenarioRun run) =>
    [
        run.Size("idle connections, first", 1_000, 20), run.Size("idle connections, second", 5_000, 40),
    ];

    private static int[] RateLevels(ScenarioRun run) =>
    [
        0, .. MemoryLevels(run), run.Size("idle connections, third", 10_000, 60),
    ];

    private static void Judge(ScenarioRun run, NeighbourResults results)
    {
        const string own = MaculaNeighbour.KindName;
        Ratio(OneToOne, NeighbourKinds.MqttNet, OverMqttNet);
        Ratio(FanOut, NeighbourKinds.Nats, 1);
        Ratio(ManyCallers, NeighbourKinds.Nats, 1);
        run.AtLeast($"{OneCaller} a second", OneCallerGoal, Own(OneCaller), "N0", isGoal: true);
        run.AtLeast($"{Connects} a second", ConnectsGoal, Own(Connects), "N0", isGoal: true);
        foreach (var level in MemoryLevels(run))
            run.AtMost(
                IdleBench.MemoryAt(level), MemoryGoal / 1024, Own(IdleBench.MemoryAt(level)) / 1024, "0.0 'KiB'", isGoal: true);
        var alone = Own(IdleBench.RateAmong(0));
        foreach (var level in RateLevels(run).Where(level => level > 0))
            run.AtLeast(
                $"{IdleBench.RateAmong(level)}, to that among none", Flat, Own(IdleBench.RateAmong(level)) / alone,
                "0.00 'times'", isGoal: true);

        double Own(string measure) => results.Median(measure, own)!.Value;

        void Ratio(string measure, string server, double goal)
        {
            if (results.Median(measure, server) is { } theirs)
                run.AtLeast($"{measure}, to {server}", goal, Own(measure) / theirs, "0.00 'times'", isGoal: true);
        }
    }
}
