using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Reporting;
using Macula.Actors.Load.Scenarios;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load;

/// <summary>Runs a scenario; whatever becomes of it and of its node, there is a report.</summary>
/// <param name="program">Of the node; null when one is given.</param>
internal sealed class ScenarioRunner(LoadOptions options, string? program, ILoadScreen screen)
{
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<ScenarioReport> RunAsync(IScenario scenario, CancellationToken cancellationToken)
    {
        var nothing = new ScenarioReport(
            scenario.Name, scenario.Summary, TimeSpan.Zero, new Dictionary<string, string>(), [], [], [], null, null, []);
        if (program is null && scenario.NeedsOwnNode is { } why) return nothing with { Skipped = why };
        try
        {
            return await MeasureAsync(scenario, cancellationToken).ConfigureAwait(false);
        }
        catch (LoadException error)
        {
            return nothing with { Fault = error.Message };
        }
    }

    private async Task<ScenarioReport> MeasureAsync(IScenario scenario, CancellationToken cancellationToken)
    {
        var own = program is null
            ? null
            : await OwnNode.StartAsync(
                program, options.Quic, [.. scenario.NodeSettings(options), .. options.NodeSettings], cancellationToken)
                .ConfigureAwait(false);
        await using var ending = own; // null is fine
        var seeded = new Seeded(options.Seed, scenario.Name);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var dial = new Dial(own?.Target ?? options.Target!, options.Quic, over.Token);
        await using var probe = await ProbeAsync(dial, seeded, own, cancellationToken).ConfigureAwait(false);
        var interval = TimeSpan.FromMilliseconds(options.Scale < 0.2 ? 250 : 1000);
        await using var sampler = new NodeSampler(probe, interval, Invariants.Check);
        var run = new ScenarioRun(options, dial, probe, sampler, own, seeded);
        var fault = await WatchedAsync(scenario, run, new NodeEnd(own, probe), over, cancellationToken).ConfigureAwait(false);
        Conclude(run, sampler, own);
        await over.CancelAsync().ConfigureAwait(false); // clients that it has left behind end with it
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
    private async Task<string?> WatchedAsync(
        IScenario scenario, ScenarioRun run, NodeEnd nodeEnd, CancellationTokenSource over, CancellationToken cancellationToken)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var telling = ProgressTeller.RunAsync(scenario.Name, run, screen, watching.Token);
        var ending = EndAsync();
        string? fault = null;
        try
        {
            await Task.Run(() => RunAsync(scenario, run, over.Token), over.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is, the other scenarios can still run, and the report tells it.
            fault = Where((error is AggregateException many ? many.InnerException! : error).Message);
        }
        finally
        {
            await watching.CancelAsync().ConfigureAwait(false);
            await telling.ConfigureAwait(false);
        }

        // When the node has ended, that is why, whatever the scenario ran into.
        return await ending.ConfigureAwait(false) ?? fault;

        // Nobody has to wait for it any longer.
        async Task<string?> EndAsync()
        {
            if (await nodeEnd.WaitAsync(watching.Token).ConfigureAwait(false) is not { } how) return null;
            how = Where(how);
            await over.CancelAsync().ConfigureAwait(false);
            return how;
        }

        string Where(string what) => $"in '{run.Phase.Name}': {what}";
    }

    private async Task RunAsync(IScenario scenario, ScenarioRun run, CancellationToken cancellationToken)
    {
        var now = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        if (Room.Fault(scenario, options, now) is { } fault) throw new LoadException(fault);
        await scenario.RunAsync(run, cancellationToken).ConfigureAwait(false);
    }

    private static void Conclude(ScenarioRun run, NodeSampler sampler, OwnNode? own)
    {
        run.Judge(
            "no table above its limit, and a stream for each client, in every reading",
            $"none of {ScenarioRun.Text(sampler.Count)}", sampler.Violation ?? "none", sampler.Violation is null);
        if (own is not null)
        {
            var (errors, first) = own.Errors;
            run.Judge(
                "the node lives, and logs no error", "alive, 0 errors",
                own.HasExited
                    ? $"it has ended with code {own.ExitCode}"
                    : $"alive, {ScenarioRun.Text(errors)} errors" + (first is null ? "" : $", the first: {first}"),
                !own.HasExited && errors == 0);
        }

        if (sampler.Missed > 0) run.Figure("readings that the node did not answer in time", sampler.Missed);
        var resident = sampler.Samples.Select(each => each.Resident).DefaultIfEmpty().Max();
        if (resident > 0) run.Figure("most resident memory of the node", resident, "B");
        var sockets = sampler.Samples.Select(each => each.Kernel?.SocketMemory ?? 0).DefaultIfEmpty().Max();
        if (sockets > 0) run.Figure("most kernel memory of UDP sockets", sockets, "B");
    }
}
