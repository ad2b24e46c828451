namespace Macula.Actors.Load.Reporting;

/// <summary>A number that a scenario measured.</summary>
/// <param name="Unit">Such as <c>B</c>, <c>1/s</c>, <c>us</c>; empty for a count.</param>
public sealed record Figure(string Name, double Value, string Unit);
