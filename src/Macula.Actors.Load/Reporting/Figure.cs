namespace Macula.Actors.Load.Reporting;

/// <summary>A number that a scenario measured.</summary>
/// <param name="Unit">Such as <c>B</c>, <c>1/s</c>, <c>us</c>; empty for a count.</param>
public sealed record Figure(string Name, double Value, string Unit);

/// <summary>How long something took, over many times. Microseconds.</summary>
public sealed record LatencyFigures(
    string Name, long Count, double P50, double P90, double P99, double P999, double Max);
