namespace Macula.Actors.Load.Reporting;

/// <summary>Whether a promise was kept.</summary>
/// <param name="Name">What was promised.</param>
/// <param name="Expected">In words, such as <c>exactly 50</c>.</param>
/// <param name="Measured">What came out.</param>
/// <param name="Passed">Whether it did.</param>
/// <param name="IsGoal">A mark to aim at, told but not counted: it depends on the machine.</param>
public sealed record Verdict(string Name, string Expected, string Measured, bool Passed, bool IsGoal = false);
