using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Transport.Ngtcp2;
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
        _ = new Ngtcp2Provider(meters: meters);

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

    [Fact]
    public void Each_defect_of_the_reference_has_a_spec_or_a_reason_why_it_cannot_be_ours()
    {
        var marked = TestSources.Facts(Root).SelectMany(fact => fact.Defects).ToHashSet();

        Assert.Equal(Enumerable.Range(1, 62).Select(number => $"D{number}"), Defects().Select(row => row.Defect));
        Assert.Empty(marked.Except(Defects().Select(row => row.Defect)));
        Assert.All(Defects(), row => Assert.True(row.CannotBeOurs != marked.Contains(row.Defect), row.Defect));
    }

    [Fact]
    public void Each_spec_that_the_page_of_defects_names_is_there_and_marked_with_the_defect()
    {
        var facts = TestSources.Facts(Root).ToLookup(fact => fact.Name, fact => fact.Defects);
        foreach (var row in Defects())
        {
            var names = SpecNames().Matches(row.Text).Select(name => name.Groups[1].Value).ToList();
            Assert.All(names, name => Assert.True(facts.Contains(name), $"{row.Defect} names {name}"));
            if (row.CannotBeOurs) continue;

            Assert.NotEmpty(names);
            Assert.All(names, name => Assert.Contains(row.Defect, facts[name].SelectMany(defects => defects)));
        }
    }

    // The rows of the table: which, whether it is marked as one that cannot be ours, and the last cell.
    private static IEnumerable<(string Defect, bool CannotBeOurs, string Text)> Defects() =>
        from line in File.ReadLines(Path.Combine(Root, "docs/decisions/0005-the-references-defects.md"))
        where line.StartsWith("| D", StringComparison.Ordinal)
        let cells = line.Split('|', StringSplitOptions.TrimEntries)
        select (cells[1], cells[3].StartsWith("Cannot be ours:", StringComparison.Ordinal), cells[3]);

    [GeneratedRegex(@"`(\w+(?:Specs|Contract)(?:\.\w+)?)`")]
    private static partial Regex SpecNames();

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
