using System.Text.Json;
using System.Xml.Linq;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Reporting;

namespace Macula.Actors.Load.Tests;

public sealed class ReportSpecs
{
    private static readonly Verdict Kept = new("a", "at most 1", "1", Passed: true);
    private static readonly Verdict Broken = new("b <b>", "exactly 50", "49", Passed: false);
    private static readonly Verdict Missed = new("c", "at least 740", "300", Passed: false, IsGoal: true);

    [Fact]
    public void A_broken_promise_fails_the_run_and_a_missed_goal_does_not()
    {
        Assert.True(Report(Scenario([Kept, Missed])).Passed);
        Assert.False(Report(Scenario([Kept]), Scenario([Broken])).Passed);
        Assert.False(Report(Scenario([Kept]) with { Fault = "the node is gone" }).Passed);
    }

    [Fact]
    public void What_was_skipped_neither_passes_a_run_nor_fails_it()
    {
        var skipped = Scenario([]) with { Skipped = "it needs another node" };

        Assert.False(skipped.Passed);
        Assert.False(Report(skipped).Passed);
        Assert.False(Report().Passed);
        Assert.True(Report(skipped, Scenario([Kept])).Passed);
        Assert.False(Report(skipped, Scenario([Broken])).Passed);
    }

    [Fact]
    public void The_json_has_what_a_program_needs()
    {
        using var json = JsonDocument.Parse(Report(Scenario([Kept, Missed])).ToJson());
        var root = json.RootElement;
        var scenario = root.GetProperty("scenarios")[0];

        Assert.True(root.GetProperty("passed").GetBoolean());
        Assert.Equal(42, root.GetProperty("seed").GetInt64());
        Assert.Equal("clients", scenario.GetProperty("name").GetString());
        Assert.True(scenario.GetProperty("verdicts")[1].GetProperty("is_goal").GetBoolean());
        Assert.Equal(1500, scenario.GetProperty("latencies")[0].GetProperty("p99").GetDouble());
        Assert.Equal(7, scenario.GetProperty("samples")[1].GetProperty("tables").GetProperty("clients").GetProperty("size").GetInt64());
    }

    [Fact]
    public void What_was_divided_by_nothing_does_not_cost_the_report()
    {
        var report = Report(Scenario([Kept]) with { Figures = [new Figure("for each", double.PositiveInfinity, "B")] });

        Assert.Contains("\"Infinity\"", report.ToJson(), StringComparison.Ordinal);
        Assert.Contains("for each", report.ToHtml(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_is_well_formed_needs_nothing_else_and_shows_it_all()
    {
        var html = Report(Scenario([Kept, Broken, Missed])).ToHtml();
        var body = XElement.Parse(html[html.IndexOf("<body>", StringComparison.Ordinal)..html.IndexOf("</html>", StringComparison.Ordinal)]);

        Assert.DoesNotContain("http", html.Replace("http://www.w3.org", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("b &lt;b&gt;", html, StringComparison.Ordinal);
        foreach (var text in (string[])["kept", "broken", "goal missed", "exactly 50", "1.5 ms", "64.0 KiB", "places: 10"])
            Assert.Contains(text, html, StringComparison.Ordinal);

        // Percentiles, tables, memory, CPU; a table that never changed is not drawn.
        var charts = body.Descendants("figure").ToList();
        Assert.Equal(4, charts.Count);
        Assert.All(charts, chart => Assert.Contains(chart.Descendants(), each => each.Name.LocalName == "polyline"));
        Assert.Contains("clients", charts[1].Value, StringComparison.Ordinal);
        Assert.DoesNotContain("mesh.connections", charts[1].Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(5_452_595, "5.2 MiB")]
    [InlineData(3_221_225_472, "3.00 GiB")]
    public void Bytes_are_told_as_people_read_them(double bytes, string expected) => Assert.Equal(expected, Units.Bytes(bytes));

    [Theory]
    [InlineData(481, "481 us")]
    [InlineData(1500, "1.5 ms")]
    [InlineData(250_000, "250 ms")]
    [InlineData(2_345_000, "2.35 s")]
    public void Times_are_told_as_people_read_them(double time, string expected) => Assert.Equal(expected, Units.Microseconds(time));

    private static LoadReport Report(params ScenarioReport[] scenarios) =>
        new(DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(9), "own", "ngtcp2", 42, 1, null, scenarios);

    private static ScenarioReport Scenario(IReadOnlyList<Verdict> verdicts) => new(
        "clients", "more clients than places", TimeSpan.FromSeconds(9), new Dictionary<string, string> { ["places"] = "10" },
        verdicts, [new Figure("for each client", 65536, "B")], [new LatencyFigures("connect", 10, 500, 900, 1500, 1600, 1700)],
        null, null, [Sample(0, 1), Sample(1, 7), Sample(2, 7)]);

    private static NodeSample Sample(int second, long clients) => new(
        TimeSpan.FromSeconds(second),
        new Dictionary<string, TableFigures>
        {
            ["clients"] = new(clients, 10, clients, 0, 0, 0, new Dictionary<string, long>()),
            ["mesh.connections"] = new(3, 10, 3, 0, 0, 0, new Dictionary<string, long>()),
        },
        new MemoryFigures(1000, 2000, 5000, 3000, 40, 20, second * 0.5, [1, 0, 0]),
        new KernelFigures(5000, second * 0.5, 1, 0, 4096));
}
