using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Microsoft.Extensions.DependencyInjection;

namespace Macula.Actors.Hosting.Tests;

/// <summary>What the pages for users promise, held against the repository that they are in.</summary>
public sealed partial class DocsSpecs
{
    private static readonly string Root = FindRoot();

    public static TheoryData<string> Pages =>
        new(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Append(Path.Combine(Root, "README.md"))
            .Select(page => Path.GetRelativePath(Root, page)));

    [Fact]
    public void The_settings_page_holds_the_reference_word_for_word()
    {
        var page = File.ReadAllText(Path.Combine(Root, "docs/settings.md"));
        Assert.Contains(File.ReadAllText(Path.Combine(Root, "hocon/reference.conf")).TrimEnd(), page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_telemetry_page_lists_every_instrument_with_its_unit_and_no_other()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        List<string> published = [];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, meters)) published.Add($"{instrument.Name} {instrument.Unit}".Trim());
        };
        listener.Start();
        _ = new GatewayMetrics(meters, new TableCensus());

        var listed = TelemetryRows("macula.").Select(row => $"{row[0]} {row[2]}".Trim());
        Assert.Equal(published.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    /// <summary>The first three cells of the rows of the telemetry page whose first begins like this.</summary>
    internal static IEnumerable<string[]> TelemetryRows(string prefix) =>
        File.ReadLines(Path.Combine(Root, "docs/telemetry.md"))
            .Where(line => line.StartsWith($"| `{prefix}", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..4])
            .Select(cells => cells.Select(cell => cell.Trim('`')).ToArray());

    /// <summary>The examples are compiled and tested; the page must not tell of others.</summary>
    [Theory]
    [InlineData("LastSeenActor.cs")]
    [InlineData("LastSeenActorSpecs.cs")]
    [InlineData("LastSeenHost.cs")]
    public void The_page_on_extending_holds_its_example_word_for_word(string file) => Assert.Contains(
        File.ReadAllText(Path.Combine(Root, "docs/examples/last-seen", file)).TrimEnd(),
        File.ReadAllText(Path.Combine(Root, "docs/extending.md")), StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_link_leads_to_a_file(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Root, page))!;
        var dead = Links().Matches(File.ReadAllText(Path.Combine(Root, page)))
            .Select(link => link.Groups[1].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(folder, target)));

        Assert.Empty(dead);
    }

    [GeneratedRegex(@"\]\(([^)#]+)(?:#[^)]*)?\)")]
    private static partial Regex Links();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Macula.Actors.sln")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("Macula.Actors.sln is in no folder above the tests");
        return folder.FullName;
    }
}
