using System.Diagnostics;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Reporting;
using Macula.Actors.Load.Scenarios;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load;

/// <summary>Runs scenarios one after the other, each against a fresh node unless one is given.</summary>
public static class LoadRun
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>Runs what the options say.</summary>
    /// <exception cref="LoadException">A scenario or the node's program is not there, or no node can be reached or
    /// started.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nodes and workers have been ended.</exception>
    public static async Task<LoadReport> RunAsync(
        LoadOptions options, ILoadScreen screen, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(screen);
        IScenario[] scenarios = [.. options.Scenarios.Select(LoadScenarios.Find)];
        var program = options.Target is null ? Program(options) : null;
        var (started, clock) = (DateTimeOffset.UtcNow, Stopwatch.GetTimestamp());
        List<ScenarioReport> reports = [];
        foreach (var scenario in scenarios)
        {
            screen.Begin(scenario.Name, scenario.Summary);
            var report = program is null && scenario.NeedsOwnNode is { } why
                ? Skipped(scenario, why)
                : await RunAsync(scenario, options, program, screen, cancellationToken).ConfigureAwait(false);
            reports.Add(report);
            screen.End(report);
        }

        return new LoadReport(
            started, Stopwatch.GetElapsedTime(clock), options.Target?.EndPoint.ToString() ?? "own", options.Quic,
            options.Seed, options.Scale, options.Time, reports);
    }

    private static string Program(LoadOptions options)
    {
        var found = options.NodeDll ?? NodeProgram.Find();
        if (found is null)
            throw new LoadException(
                "the node's program Macula.Actors.Node.dll is not beside this tool; give --node-dll, or a node with --server");
        return File.Exists(found) ? found : throw new LoadException($"--node-dll is '{found}', which is not there");
    }

    private static ScenarioReport Skipped(IScenario scenario, string why) => new(
        scenario.Name, scenario.Summary, TimeSpan.Zero, new Dictionary<string, string>(), [], [], [], null, why, []);

    private static async Task<ScenarioReport> RunAsync(
        IScenario scenario, LoadOptions options, string? program, ILoadScreen screen, CancellationToken cancellationToken)
    {
        var own = program is null
            ? null
            : await OwnNode.StartAsync(
                program, options.Quic, [.. scenario.NodeSettings(options), .. options.NodeSettings], cancellationToken)
                .ConfigureAwait(false);
        await using var ending = own; // null is fine
        var seeded = new Seeded(options.Seed, scenario.Name);
        var dial = new Dial(own?.Target ?? options.Target!, options.Quic);
        await using var probe = await ProbeAsync(dial, seeded, own, cancellationToken).ConfigureAwait(false);
        var interval = TimeSpan.FromMilliseconds(options.Scale < 0.2 ? 250 : 1000);
        await using var sampler = new NodeSampler(probe, interval, Invariants.Check);
        var run = new ScenarioRun(options, dial, probe, sampler, own, seeded);
        var fault = await WatchedAsync(scenario, run, screen, cancellationToken).ConfigureAwait(false);
        Conclude(run, sampler, own);
        return new ScenarioReport(
            scenario.Name, scenario.Summary, sampler.Elapsed, run.Sizes, run.Verdicts, run.Figures, run.Latencies, fault,
            null, sampler.Samples);
    }

    private static async Task<NodeProbe> ProbeAsync(
        Dial dial, Seeded seeded, OwnNode? own, CancellationToken cancellationToken)
    {
        try
        {
            return await NodeProbe.ConnectAsync(dial, seeded.Id(0, "probe"), own?.Pid, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (RefusedException.Covers(error))
        {
            throw new LoadException($"cannot connect to {dial.Options.EndPoint}: {error.Message}");
        }
    }

    // Null, or why it did not come to its end.
    private static async Task<string?> WatchedAsync(
        IScenario scenario, ScenarioRun run, ILoadScreen screen, CancellationToken cancellationToken)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watch = WatchAsync(scenario, run, screen, watching.Token);
        try
        {
            await Task.Run(() => scenario.RunAsync(run, cancellationToken), cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is, the other scenarios can still run, and the report tells it.
            return $"in '{run.Phase.Name}': {(error is AggregateException many ? many.InnerException! : error).Message}";
        }
        finally
        {
            await watching.CancelAsync().ConfigureAwait(false);
            await watch.ConfigureAwait(false);
        }
    }

    private static async Task WatchAsync(
        IScenario scenario, ScenarioRun run, ILoadScreen screen, CancellationToken cancellationToken)
    {
        var (phase, count, at, cpu, sampled) = (run.Phase, 0L, Stopwatch.GetTimestamp(), 0.0, TimeSpan.Zero);
        var cores = 0.0;
        while (true)
        {
            try
            {
                await Task.Delay(Tick, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (run.Phase != phase) (phase, count) = (run.Phase, 0);
            var (now, total, last) = (Stopwatch.GetTimestamp(), phase.Count, run.Node.Last);
            if (last is not null && last.At - sampled > TimeSpan.Zero)
            {
                if (sampled > TimeSpan.Zero) cores = (last.CpuSeconds - cpu) / (last.At - sampled).TotalSeconds;
                (cpu, sampled) = (last.CpuSeconds, last.At);
            }

            screen.Progress(new LoadProgress(
                scenario.Name, phase.Name, phase.Done, phase.Total, total,
                (total - count) / Stopwatch.GetElapsedTime(at, now).TotalSeconds, cores, last));
            (count, at) = (total, now);
        }
    }

    private static void Conclude(ScenarioRun run, NodeSampler sampler, OwnNode? own)
    {
        run.Judge(
            "no table above its limit, and a stream for each client, in every reading",
            $"none of {ScenarioRun.Text(sampler.Count)}", sampler.Violation ?? "none", sampler.Violation is null);
        if (own is not null)
            run.Judge(
                "the node lives, and logs no error", "alive, 0 errors",
                own.HasExited ? "it has ended" : $"alive, {own.Errors.Count} errors" +
                    (own.Errors is [var first, ..] ? $", the first: {first}" : ""),
                !own.HasExited && own.Errors.Count == 0);
        if (sampler.Missed > 0) run.Figure("readings that the node did not answer in time", sampler.Missed);
        var resident = sampler.Samples.Select(each => each.Resident).DefaultIfEmpty().Max();
        if (resident > 0) run.Figure("most resident memory of the node", resident, "B");
        var sockets = sampler.Samples.Select(each => each.Kernel?.SocketMemory ?? 0).DefaultIfEmpty().Max();
        if (sockets > 0) run.Figure("most kernel memory of UDP sockets", sockets, "B");
    }
}
