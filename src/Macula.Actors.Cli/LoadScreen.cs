using System.Globalization;
using System.Text.Json;
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
        if (report.Skipped is { } skipped) Outcome(report, "skipped", skipped);
        foreach (var verdict in report.Verdicts) Tell(report, verdict);
        foreach (var each in report.Latencies) Tell(report, each);
        foreach (var each in report.Figures) Tell(report, each);
        if (report.Fault is { } fault) Outcome(report, "broken", $"it did not come to its end: {fault}");
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
        var text = verdict.Passed && verdict.Expected == verdict.Measured
            ? $"{verdict.Name}: {verdict.Measured}"
            : $"{verdict.Name}: {verdict.Measured} (expected {verdict.Expected})";
        Line(report, outcome, text, json =>
        {
            json.WriteString("name", verdict.Name);
            json.WriteString("expected", verdict.Expected);
            json.WriteString("measured", verdict.Measured);
        });
    }

    private void Tell(ScenarioReport report, LatencyFigures times)
    {
        if (!screen.IsJson)
            screen.Notice(
                $"    {times.Name}: p50 {Units.Microseconds(times.P50)}, p99 {Units.Microseconds(times.P99)}, " +
                $"max {Units.Microseconds(times.Max)} ({Units.Count(times.Count)})");
        else
            Figure(report, times.Name, json =>
            {
                json.WriteNumber("count", times.Count);
                json.WriteNumber("p50_us", times.P50);
                json.WriteNumber("p99_us", times.P99);
                json.WriteNumber("max_us", times.Max);
            });
    }

    private void Tell(ScenarioReport report, Figure figure)
    {
        if (!screen.IsJson)
            screen.Notice($"    {figure.Name}: {Units.Of(figure)}");
        else
            Figure(report, figure.Name, json =>
            {
                // JSON has no name for what a division by zero gives.
                if (double.IsFinite(figure.Value)) json.WriteNumber("value", figure.Value);
                else json.WriteNull("value");
                json.WriteString("unit", figure.Unit);
            });
    }

    private void Outcome(ScenarioReport report, string outcome, string text) =>
        Line(report, outcome, text, json => json.WriteString("reason", text));

    private void Line(ScenarioReport report, string outcome, string text, Action<Utf8JsonWriter> more) =>
        screen.Labelled($"{outcome,-7}", $"{report.Name}: {text}", json =>
        {
            json.WriteString("scenario", report.Name);
            json.WriteString("outcome", outcome);
            more(json);
        });

    private void Figure(ScenarioReport report, string name, Action<Utf8JsonWriter> more) => screen.Result("", json =>
    {
        json.WriteString("scenario", report.Name);
        json.WriteString("figure", name);
        more(json);
    });

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
