using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Reporting;

/// <summary>What came of a scenario.</summary>
/// <param name="Sizes">The parameters that it ran with, by name.</param>
/// <param name="Fault">Why it could not be run to its end; null when it was.</param>
/// <param name="Skipped">Why it was not run at all; null when it was.</param>
/// <param name="Samples">The node over time.</param>
public sealed record ScenarioReport(
    string Name, string Summary, TimeSpan Duration, IReadOnlyDictionary<string, string> Sizes,
    IReadOnlyList<Verdict> Verdicts, IReadOnlyList<Figure> Figures, IReadOnlyList<LatencyFigures> Latencies,
    string? Fault, string? Skipped, IReadOnlyList<NodeSample> Samples)
{
    /// <summary>Whether it ran and every promise was kept; goals do not count.</summary>
    public bool Passed => Fault is null && Skipped is null && Verdicts.All(each => each.Passed || each.IsGoal);
}
