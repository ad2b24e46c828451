namespace Macula.Actors.Load.Scenarios;

/// <summary>Messages to many, from many, and over many topics.</summary>
internal sealed class FanOutScenario : IScenario
{
    // What a NATS server did on such a machine, and three times what MQTTnet's did one to one.
    private const double GoalOneToMany = 246_000, GoalOneToOne = 171_000;

    private const int All = 10_000, LeastOfAll = 20;

    public string Name => "fanout";

    public string Summary => "one to one, one to 1,000, 1,000 to one, 100 topics to 10,000 clients: delivered a second, p99, nothing lost";

    public IEnumerable<string> NodeSettings(LoadOptions options) => ["macula.clients.max-clients=11000"];

    public int Clients(LoadOptions options) => ScenarioRun.Scaled(options, All, LeastOfAll) + 1; // and a publisher

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var many = run.Size("many", 1_000, 10);
        var topics = run.Size("topics", 100, 5);
        var clients = run.Size("clients of the topics", All, LeastOfAll) / topics * topics;
        var time = run.Time("time of each phase", TimeSpan.FromSeconds(10));
        var one = await MeasureAsync(new FanOut("one to one", 1, 1, 1, 256)).ConfigureAwait(false);
        var oneToMany = await MeasureAsync(new FanOut($"one to {many:N0}", 1, 1, many, 8)).ConfigureAwait(false);
        await MeasureAsync(new FanOut($"{many:N0} to one", many, 1, 1, Math.Min(many, 512))).ConfigureAwait(false);
        await MeasureAsync(new FanOut($"{topics:N0} topics to {clients:N0}", 1, topics, clients, 64)).ConfigureAwait(false);
        run.AtLeast("one to one, messages a second", GoalOneToOne, one, "N0", isGoal: true);
        run.AtLeast("one to many, deliveries a second", GoalOneToMany, oneToMany, "N0", isGoal: true);

        async Task<double> MeasureAsync(FanOut fanOut)
        {
            await using var _ = fanOut.ConfigureAwait(false);
            await fanOut.ConnectAsync(run, cancellationToken).ConfigureAwait(false);
            var peak = await fanOut.PeakAsync(run, time, cancellationToken).ConfigureAwait(false);
            await fanOut.PacedAsync(run, peak, time, cancellationToken).ConfigureAwait(false);
            fanOut.Judge(run);
            return peak;
        }
    }
}
