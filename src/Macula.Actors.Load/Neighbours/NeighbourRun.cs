using System.Net.Sockets;
using System.Security.Authentication;
using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Takes measures on servers. What a neighbour cannot do is told, and the others go on; what our node cannot do
/// ends the scenario.</summary>
/// <param name="runs">Of each measure.</param>
/// <param name="time">Of each run.</param>
internal sealed class NeighbourRun(
    ScenarioRun run, IReadOnlyList<INeighbourKind> kinds, int runs, TimeSpan time, NeighbourResults results)
{
    private readonly int _warmUps = run.IsFullSize ? WarmUp.Most : 1; // where sizes are small, figures do not count

    /// <summary>All servers run, and take turns with each run of each measure: what the machine does meanwhile, it does to
    /// all.</summary>
    public async Task SideBySideAsync(IReadOnlyList<Measure> measures, CancellationToken cancellationToken)
    {
        List<INeighbour> servers = [];
        try
        {
            var starting = run.Begin("servers start", kinds.Count);
            foreach (var kind in kinds)
            {
                await AttemptAsync(kind.Name, "", () => "", async () =>
                    servers.Add(await kind.StartAsync(cancellationToken).ConfigureAwait(false))).ConfigureAwait(false);
                starting.Add();
            }

            Bed[] beds = [.. servers.Select(server => new Bed(server))];
            foreach (var measure in measures)
                await MeasureAsync(measure, beds, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var server in servers) await server.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>One server after the other, each fresh: memory of before would be used again, and the idle connections of
    /// others are not free.</summary>
    public async Task AmongIdleAsync(
        IReadOnlyList<int> memoryAt, IReadOnlyList<int> rateAt, CancellationToken cancellationToken)
    {
        foreach (var kind in kinds)
        {
            run.Begin($"idle connections: {kind.Name}");
            var said = "";
            await AttemptAsync(kind.Name, ": idle connections", () => said, async () =>
            {
                var server = await kind.StartAsync(cancellationToken).ConfigureAwait(false);
                await using var ending = server.ConfigureAwait(false);
                try
                {
                    await new IdleBench(new Bed(server), memoryAt, rateAt, runs, _warmUps).RunAsync(
                        time, (name, value, unit) => results.Add(name, kind.Name, value, unit), cancellationToken)
                        .ConfigureAwait(false);
                }
                finally
                {
                    said = server.Said;
                }
            }).ConfigureAwait(false);
        }
    }

    /// <summary>Tells that something could not be measured; it is no promise of ours.</summary>
    public static void NotMeasured(ScenarioRun run, string what, string why) =>
        run.Judge($"{what} is measured", "measured", $"not measured: {why}", passed: false, isGoal: true);

    private async Task MeasureAsync(Measure measure, Bed[] beds, CancellationToken cancellationToken)
    {
        var phase = run.Begin(measure.Name, beds.Length * (runs + 1));
        Dictionary<Bed, IBench> benches = [];
        try
        {
            foreach (var bed in beds)
                await AttemptAsync(bed, measure, async () =>
                    benches[bed] = await measure.OpenAsync(bed, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);

            for (var turn = 0; turn <= runs; turn++)
            {
                foreach (var (bed, bench) in benches.ToArray())
                {
                    var went = await AttemptAsync(bed, measure, () => turn == 0
                        ? WarmUp.RunAsync(bench, time, _warmUps, cancellationToken)
                        : bench.RunAsync(
                            time, (name, value, unit) => results.Add(name, bed.Name, value, unit), cancellationToken))
                        .ConfigureAwait(false);
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

    private Task<bool> AttemptAsync(Bed bed, Measure measure, Func<Task> work) =>
        AttemptAsync(bed.Name, $": {measure.Name}", () => bed.Said, work);

    private async Task<bool> AttemptAsync(string server, string what, Func<string> said, Func<Task> work)
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
            var log = string.Join(" | ", said().Split('\n').TakeLast(3));
            NotMeasured(run, server + what, log.Length == 0 ? error.Message : $"{error.Message}; its log: {log}");
            return false;
        }
    }
}
