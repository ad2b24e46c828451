using System.Diagnostics;
using System.Globalization;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Reporting;
using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load;

/// <summary>Runs scenarios one after the other, each against a fresh node unless one is given.</summary>
public static class LoadRun
{
    /// <summary>Runs what the options say. A scenario whose node cannot be started or reached, or dies, is told as one that
    /// did not come to its end, and the others go on.</summary>
    /// <exception cref="LoadException">An option is out of range, or a scenario or the node's program is not there.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nodes and workers have been ended.</exception>
    public static async Task<LoadReport> RunAsync(
        LoadOptions options, ILoadScreen screen, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(screen);
        if (options.Scale is not (>= LoadOptions.LeastScale and <= 1))
            throw new LoadException(string.Create(
                CultureInfo.InvariantCulture, $"the scale is {options.Scale}; allowed: {LoadOptions.LeastScale} to 1, the full size"));
        IScenario[] scenarios = [.. options.Scenarios.Select(LoadScenarios.Find)];
        var runner = new ScenarioRunner(options, options.Target is null ? Program(options) : null, screen);
        var (started, clock) = (DateTimeOffset.UtcNow, Stopwatch.GetTimestamp());
        List<ScenarioReport> reports = [];
        foreach (var scenario in scenarios)
        {
            screen.Begin(scenario.Name, scenario.Summary);
            var report = await runner.RunAsync(scenario, cancellationToken).ConfigureAwait(false);
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
}
