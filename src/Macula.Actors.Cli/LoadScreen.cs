using System.Globalization;
using Macula.Actors.Load;
using Macula.Actors.Load.Reporting;

namespace Macula.Actors.Cli;

/// <summary>Shows a load: a line that moves where a person looks on, otherwise plain lines; verdicts as results.
/// </summary>
internal sealed class LoadScreen(Screen screen, CliHost host) : ILoadScreen
{
    private const int BarWidth = 20;
    private const int PlainEvery = 5; // lines of a log need not come each second

    private int _ticks;

    public void Begin(string scenario, string summary)
    {
        _ticks = 0;
        screen.Notice($"{scenario}: {summary}");
    }

    public void Progress(LoadProgress now)
    {
        if (!host.ErrorIsTerminal && _ticks++ % PlainEvery != 0) return;
        screen.Moving($"  {Bar(now)} {now.Phase}{Counted(now)}{Node(now)}");
    }

    public void End(ScenarioReport report)
    {
        screen.Moving(null);
        if (report.Skipped is { } skipped) Line(report, "skipped", skipped);
        foreach (var verdict in report.Verdicts) Tell(report, verdict);
        foreach (var each in report.Latencies)
            screen.Notice(
                $"    {each.Name}: p50 {Units.Microseconds(each.P50)}, p99 {Units.Microseconds(each.P99)}, " +
                $"max {Units.Microseconds(each.Max)} ({Units.Count(each.Count)})");
        foreach (var each in report.Figures) screen.Notice($"    {each.Name}: {Units.Of(each)}");
        if (report.Fault is { } fault) Line(report, "broken", $"it did not come to its end: {fault}");
    }

    private void Tell(ScenarioReport report, Verdict verdict)
    {
        var outcome = verdict switch
        {
            { IsGoal: true, Passed: true } => "reached",
            { IsGoal: true } => "missed",
            { Passed: true } => "kept",
            _ => "broken",
        };
        Line(report, outcome, verdict.Passed && verdict.Expected == verdict.Measured
            ? $"{verdict.Name}: {verdict.Measured}"
            : $"{verdict.Name}: {verdict.Measured} (expected {verdict.Expected})");
    }

    private void Line(ScenarioReport report, string outcome, string text) =>
        screen.Labelled($"{outcome,-7}", $"{report.Name}: {text}", _ => { });

    private static string Bar(LoadProgress now)
    {
        if (now.Total <= 0) return new string('.', BarWidth);
        var filled = (int)(BarWidth * Math.Clamp((double)now.Done / now.Total, 0, 1));
        return new string('#', filled) + new string('.', BarWidth - filled);
    }

    private static string Counted(LoadProgress now) => now.Count == 0
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $" {now.Count:N0}, {now.Rate:N0}/s");

    private static string Node(LoadProgress now) => now.Node is not { } node
        ? ""
        : string.Create(CultureInfo.InvariantCulture,
            $" | node: {node.Size("clients"):N0} clients, {Units.Bytes(node.Resident)}, {now.Cores:0.0} cores");
}
