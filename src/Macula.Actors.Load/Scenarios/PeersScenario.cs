using System.Net.Sockets;
using System.Security.Authentication;
using Macula.Actors.Load.Neighbours;
using Macula.Actors.Transport;

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

    private static readonly TimeSpan RunTime = TimeSpan.FromSeconds(3);

    public string Name => "peers";

    public string Summary => "the same work on nats-server, mosquitto and MQTTnet, with TLS, in the same run";

    public string? NeedsOwnNode => "its figures stand beside those of servers that are started for it";

    public IEnumerable<string> NodeSettings(LoadOptions options) => Settings;

    // Room for the load, and queues that hold what it has in flight, as for the neighbours.
    private static readonly string[] Settings =
    [
        "macula.clients.max-clients=200000", "macula.gateway.max-connections=200000", "macula.gateway.outbound-max-frames=8192",
    ];

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
            if (kind.Missing is { } missing) NotMeasured(run, kind.Name, missing);

        var results = new NeighbourResults();
        await SideBySideAsync(run, present, runs, time, results, cancellationToken).ConfigureAwait(false);
        await AmongIdleAsync(run, present, runs, time, results, cancellationToken).ConfigureAwait(false);
        results.Tell(run, [.. present.Select(kind => kind.Name)]);
        Judge(run, results);
    }

    // All servers run, and take turns with each run of each measure: what the machine does meanwhile, it does to all.
    private static async Task SideBySideAsync(
        ScenarioRun run, INeighbourKind[] kinds, int runs, TimeSpan time, NeighbourResults results,
        CancellationToken cancellationToken)
    {
        var subscribers = run.Size("subscribers of the fan-out", 1_000, 10);
        var connects = run.Size("connects of a run", 200, IdleClients.Width);
        run.Fixed("connects at once", IdleClients.Width);
        run.Fixed("messages in flight, one to one", Batch * Batches);
        run.Fixed("messages in flight to each subscriber, fan-out", FanOutInFlight);
        run.Fixed("bytes of a payload", Payload.Size);
        (string Measure, Func<Bed, Task<IBench>> Open)[] measures =
        [
            (OneToOne, async bed =>
                await PublishBench.OpenAsync(bed, OneToOne, 1, Batch, Batches, cancellationToken).ConfigureAwait(false)),
            (Paced, async bed => await PacedBench.OpenAsync(bed, Paced, PacedRate, cancellationToken).ConfigureAwait(false)),
            (FanOut, async bed =>
                await PublishBench.OpenAsync(bed, FanOut, subscribers, 1, FanOutInFlight, cancellationToken).ConfigureAwait(false)),
            (OneCaller, async bed => await CallBench.OpenAsync(bed, OneCaller, 1, cancellationToken).ConfigureAwait(false)),
            (ManyCallers, async bed =>
                await CallBench.OpenAsync(bed, ManyCallers, Callers, cancellationToken).ConfigureAwait(false)),
            (Connects, bed => Task.FromResult<IBench>(new ConnectBench(bed, Connects, connects))),
        ];

        List<INeighbour> servers = [];
        try
        {
            var starting = run.Begin("servers start", kinds.Length);
            foreach (var kind in kinds)
            {
                servers.Add(await kind.StartAsync(cancellationToken).ConfigureAwait(false));
                starting.Add();
            }

            Bed[] beds = [.. servers.Select(server => new Bed(server))];
            foreach (var (measure, open) in measures)
                await MeasureAsync(run, measure, open, beds, runs, time, results, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var server in servers) await server.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task MeasureAsync(
        ScenarioRun run, string measure, Func<Bed, Task<IBench>> open, Bed[] beds, int runs, TimeSpan time,
        NeighbourResults results, CancellationToken cancellationToken)
    {
        var phase = run.Begin(measure, beds.Length * (runs + 1));
        Dictionary<Bed, IBench> benches = [];
        try
        {
            foreach (var bed in beds)
                await AttemptAsync(run, bed.Name, measure, async () => benches[bed] = await open(bed).ConfigureAwait(false))
                    .ConfigureAwait(false);

            for (var turn = 0; turn <= runs; turn++)
            {
                foreach (var (bed, bench) in benches.ToArray())
                {
                    // The first is for the compilers and caches of all.
                    Tell tell = turn == 0
                        ? (_, _, _) => { }
                        : (name, value, unit) => results.Add(name, bed.Name, value, unit);
                    var went = await AttemptAsync(
                        run, bed.Name, measure, () => bench.RunAsync(time, tell, cancellationToken)).ConfigureAwait(false);
                    if (!went && benches.Remove(bed)) await bench.DisposeAsync().ConfigureAwait(false);
                    phase.Add();
                }
            }
        }
        finally
        {
            foreach (var bench in benches.Values) await bench.DisposeAsync().ConfigureAwait(false);
        }
    }

    // One after the other, each fresh: memory of before would be used again, and that of others is not free.
    private static async Task AmongIdleAsync(
        ScenarioRun run, INeighbourKind[] kinds, int runs, TimeSpan time, NeighbourResults results,
        CancellationToken cancellationToken)
    {
        int[] memoryAt = MemoryLevels(run), rateAt = RateLevels(run);
        foreach (var kind in kinds)
        {
            run.Begin($"idle connections: {kind.Name}");
            await AttemptAsync(run, kind.Name, "idle connections", async () =>
            {
                var server = await kind.StartAsync(cancellationToken).ConfigureAwait(false);
                await using var ending = server.ConfigureAwait(false);
                await new IdleBench(new Bed(server), memoryAt, rateAt, runs).RunAsync(
                    time, (name, value, unit) => results.Add(name, kind.Name, value, unit), cancellationToken)
                    .ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
    }

    private static int[] MemoryLevels(ScenarioRun run) =>
    [
        run.Size("idle connections, first", 1_000, 20), run.Size("idle connections, second", 5_000, 40),
    ];

    private static int[] RateLevels(ScenarioRun run) =>
    [
        0, .. MemoryLevels(run), run.Size("idle connections, third", 10_000, 60),
    ];

    // What a neighbour cannot do is told, and the others go on; what our node cannot do ends the scenario.
    private static async Task<bool> AttemptAsync(ScenarioRun run, string server, string measure, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (
            server != MaculaNeighbour.KindName
            && error is IOException or SocketException or AuthenticationException or InvalidDataException or TimeoutException
                or LoadException)
        {
            NotMeasured(run, $"{server}: {measure}", error.Message);
            return false;
        }
    }

    private static void NotMeasured(ScenarioRun run, string what, string why) =>
        run.Judge($"{what} is measured", "measured", $"not measured: {why}", passed: false, isGoal: true);

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
