using System.Text.Json;
using Macula.Actors.Load.Reporting;

namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>The scenarios in a small size, each against a node process of its own, with worker processes that are
/// killed. What they judge is what is asserted.</summary>
[Collection("load")]
public sealed class ScenarioSpecs(ITestOutputHelper test)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("mesh", 0.03, 2)]
    [InlineData("clients", 0.02, 2)]
    [InlineData("services", 0.1, 5)]
    [InlineData("streams", 0.04, 2)]
    [InlineData("callers", 0.05, 2)]
    [InlineData("storm", 0.03, 2)]
    [InlineData("slow", 0.1, 1)]
    public async Task A_node_keeps_its_promises(string scenario, double scale, double seconds)
    {
        var screen = new Screen(test);
        using var deadline = new CancellationTokenSource(Patience);
        var report = await LoadRun.RunAsync(
            Tool.Options(scenario) with { Scale = scale, Time = TimeSpan.FromSeconds(seconds) }, screen, deadline.Token);

        var ran = Assert.Single(report.Scenarios);
        Assert.Null(ran.Fault);
        Assert.Null(ran.Skipped);
        Assert.DoesNotContain(ran.Verdicts, each => !each.Passed && !each.IsGoal);
        Assert.True(report.Passed);
        Assert.Equal([scenario], screen.Begun);
        Assert.NotEmpty(ran.Latencies);
        Assert.NotEmpty(ran.Samples);
        Assert.All(ran.Samples, sample => Assert.True(sample.Memory is { Managed: > 0, Native: > 0, NativeLive: > 0, Handles: > 0 }));
        Assert.Equal(scenario, JsonSerializer.Deserialize<JsonElement>(report.ToJson())
            .GetProperty("scenarios")[0].GetProperty("name").GetString());
        Assert.Contains($"<h2 id=\"{scenario}\">", report.ToHtml(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_soaked_node_tells_again_and_again_what_is_left_when_its_garbage_is_collected()
    {
        using var deadline = new CancellationTokenSource(Patience);
        var report = await LoadRun.RunAsync(
            Tool.Options("soak") with { Scale = 0.02, Time = TimeSpan.FromSeconds(6) }, new Screen(test), deadline.Token);

        var ran = Assert.Single(report.Scenarios);
        Assert.True(report.Passed);
        Assert.InRange(Assert.Single(ran.Figures, each => each.Name == "collections that the node was asked for").Value, 3, 6);
        Assert.Contains(ran.Figures, each => each.Name == "growth of live managed memory");
    }

    private sealed class Screen(ITestOutputHelper test) : ILoadScreen
    {
        public List<string> Begun { get; } = [];

        public void Begin(string scenario, string summary) => Begun.Add(scenario);

        public void Progress(LoadProgress now) =>
            test.WriteLine($"{now.Phase} {now.Done} of {now.Total}, {now.Rate:0}/s, {now.Node?.Resident} B, {now.Cores:0.0} cores");

        public void End(ScenarioReport report)
        {
            foreach (var each in report.Verdicts)
                test.WriteLine($"{(each.Passed ? "kept  " : each.IsGoal ? "missed" : "BROKEN")} {each.Name}: {each.Measured} ({each.Expected})");
            foreach (var each in report.Latencies) test.WriteLine($"{each.Name}: p50 {each.P50} p99 {each.P99} us");
            if (report.Fault is { } fault) test.WriteLine(fault);
        }
    }
}
