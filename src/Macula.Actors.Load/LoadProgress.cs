using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load;

/// <summary>How far a scenario is.</summary>
/// <param name="Phase">What it does now.</param>
/// <param name="Done">Of <paramref name="Total"/>; for a phase that takes a time, milliseconds.</param>
/// <param name="Total">0 when it cannot be told.</param>
/// <param name="Count">What was done in this phase: connections, messages, calls.</param>
/// <param name="Rate">Of those, per second, since the last time.</param>
/// <param name="Cores">Cores that the node keeps busy, since the last time.</param>
/// <param name="Node">The newest figures of the node.</param>
public sealed record LoadProgress(
    string Scenario, string Phase, long Done, long Total, long Count, double Rate, double Cores, NodeSample? Node);
