using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Workers;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Clients come and go, half of them by SIGKILL of their process.</summary>
internal sealed class StreamsScenario : IScenario
{
    private const int Processes = 8, Each = 250, LeastOfEach = 5;
    private const int Ending = 4; // processes that end in a round, half of them killed

    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10); // above the idle time-out, on a busy machine

    public string Name => "streams";

    public string Summary => "connect and disconnect churn, half by SIGKILL: clients and streams at their true number, then zero";

    public IEnumerable<string> NodeSettings(LoadOptions options) => Silence.Settings(options);

    public int Clients(LoadOptions options) =>
        ScenarioRun.Scaled(options, Processes, Ending) * ScenarioRun.Scaled(options, Each, LeastOfEach);

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var before = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        var present = before.Size("clients");
        var processes = run.Size("processes", Processes, Ending);
        var each = run.Size("clients of each", Each, LeastOfEach);
        var rounds = run.Size("rounds", 5);
        var patience = Silence.Of(run.Options) + Margin;
        List<WorkerProcess> workers = [];
        var next = 0;
        try
        {
            var starting = run.Begin("processes start", processes);
            for (; workers.Count < processes; starting.Add()) workers.Add(await StartAsync().ConfigureAwait(false));
            await ExpectAsync("all are there", processes).ConfigureAwait(false);

            var (killed, left) = (new Latencies(), new Latencies());
            for (var round = 1; round <= rounds; round++)
            {
                run.Begin($"round {round}: {Ending / 2} processes leave", patience);
                await EndAsync(Ending / 2, worker => worker.LeaveAsync(cancellationToken), left).ConfigureAwait(false);
                run.Begin($"round {round}: {Ending / 2} processes are killed", patience);
                await EndAsync(Ending / 2, worker => worker.KillAsync(), killed).ConfigureAwait(false);
                var coming = run.Begin($"round {round}: others come", Ending);
                for (; workers.Count < processes; coming.Add()) workers.Add(await StartAsync().ConfigureAwait(false));
                await ExpectAsync($"round {round}: as many as there are", processes).ConfigureAwait(false);
            }

            run.Begin("the last ones go", patience);
            await EndAsync(processes / 2, worker => worker.KillAsync(), killed).ConfigureAwait(false);
            await EndAsync(workers.Count, worker => worker.LeaveAsync(cancellationToken), left).ConfigureAwait(false);
            await ExpectAsync("nobody is left", 0).ConfigureAwait(false);
            run.Latency("from SIGKILL to true tables", killed);
            run.Latency("from goodbye to true tables", left);
            run.AtMost("killed clients are gone after the idle time-out", patience, killed.Max);
            run.Figure("clients that came and went", next);
        }
        finally
        {
            foreach (var worker in workers) await worker.DisposeAsync().ConfigureAwait(false);
        }

        async Task<WorkerProcess> StartAsync()
        {
            var first = next;
            next += each;
            return await WorkerProcess.StartAsync(run, first, each, cancellationToken).ConfigureAwait(false);
        }

        Task ExpectAsync(string name, int alive) => run.ExpectAsync(
            name, patience, cancellationToken,
            ("clients", present + ((long)alive * each)), ("client_streams", present + ((long)alive * each)));

        async Task EndAsync(int count, Func<WorkerProcess, Task> how, Latencies times)
        {
            var chosen = run.Seeded.Choose(count, workers.Count).Select(i => workers[i]).ToList();
            var begun = Stopwatch.GetTimestamp();
            await Task.WhenAll(chosen.Select(how)).ConfigureAwait(false);
            foreach (var worker in chosen)
            {
                workers.Remove(worker);
                await worker.DisposeAsync().ConfigureAwait(false);
            }

            var truth = present + ((long)workers.Count * each);
            var last = await run.Node.UntilAsync(
                sample => sample.Size("clients") == truth && sample.Size("client_streams") == truth, patience,
                cancellationToken).ConfigureAwait(false);
            if (last.Size("clients") == truth) times.RecordSince(begun);
            else times.Record(patience + Margin); // never: shows in the verdict
        }
    }
}
