using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Macula.Actors.Load.Reporting;

/// <summary>What came of a run.</summary>
/// <param name="Node">The node that was given, or <c>own</c>.</param>
public sealed record LoadReport(
    DateTimeOffset Started, TimeSpan Duration, string Node, string Quic, long Seed, double Scale, TimeSpan? Time,
    IReadOnlyList<ScenarioReport> Scenarios)
{
    private static readonly JsonSerializerOptions Style = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a rate may have been divided by nothing
    };

    /// <summary>Such as <c>Debian GNU/Linux 12 (bookworm)</c>.</summary>
    public string Machine { get; } = RuntimeInformation.OSDescription;

    /// <summary>Cores that node and load shared, when the node was on this machine.</summary>
    public int Cores { get; } = Environment.ProcessorCount;

    public string Runtime { get; } = RuntimeInformation.FrameworkDescription;

    /// <summary>Whether something was run, and every promise of it kept; scenarios that were skipped promise nothing.</summary>
    public bool Passed => Scenarios.Any(each => each.Passed) && Scenarios.All(each => each.Passed || each.Skipped is not null);

    /// <summary>For programs: everything, names in snake_case, times as text, tables over time included.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Style);

    /// <summary>For people: one page that needs nothing else.</summary>
    public string ToHtml() => HtmlReport.Render(this);
}
