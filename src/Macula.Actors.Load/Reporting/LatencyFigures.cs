namespace Macula.Actors.Load.Reporting;

/// <summary>How long something took, over many times. Microseconds.</summary>
public sealed record LatencyFigures(
    string Name, long Count, double P50, double P90, double P99, double P999, double Max);
