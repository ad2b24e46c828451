using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>A node that somebody else has started.</summary>
[Collection("load")]
public sealed class GivenNodeSpecs
{
    private static readonly ILoadScreen Nobody = new SilentScreen();

    [Fact]
    public async Task A_node_that_is_given_is_loaded_and_lives_on()
    {
        await using var node = await OwnNode.StartAsync(
            NodeProgram.Find()!, "ngtcp2", ["macula.clients.max-clients=30"], CancellationToken.None);
        var options = Tool.Options("clients", "mesh") with { Target = node.Target, Scale = 0.01 };

        var report = await LoadRun.RunAsync(options, Nobody, CancellationToken.None);

        Assert.True(report.Passed, report.ToJson());
        Assert.Equal("30", report.Scenarios[0].Sizes["places"]); // its own limit, whatever the scale
        Assert.Contains("fingerprints", report.Scenarios[1].Skipped, StringComparison.Ordinal);
        Assert.Equal(node.Target.EndPoint.ToString(), report.Node);
        Assert.False(node.HasExited);
    }

    [Fact]
    public async Task A_broken_promise_is_told()
    {
        // The node lets fewer in than it says in its table: connections are the narrower limit.
        var options = Tool.Options("clients") with { Scale = 0.01, NodeSettings = ["macula.gateway.max-connections=60"] };

        var report = await LoadRun.RunAsync(options, Nobody, CancellationToken.None);

        Assert.False(report.Passed);
        Assert.Contains("max_clients_reached", report.Scenarios[0].Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_with_too_few_places_is_told_with_what_to_do()
    {
        await using var node = await OwnNode.StartAsync(
            NodeProgram.Find()!, "ngtcp2", ["macula.clients.max-clients=50"], CancellationToken.None);
        var options = Tool.Options("storm") with { Target = node.Target, Scale = 0.01 };

        var ran = Assert.Single((await LoadRun.RunAsync(options, Nobody, CancellationToken.None)).Scenarios);

        // 100 of them, 5 that stay, and the one that asks.
        Assert.Contains("storm has 105 clients at once", ran.Fault, StringComparison.Ordinal);
        Assert.Contains("set macula.clients.max-clients to 106 or more, or give --scale 0.004", ran.Fault, StringComparison.Ordinal);
        Assert.False(ran.Passed);
    }

    [Fact]
    public async Task A_node_that_cannot_be_reached_fails_its_scenario()
    {
        LoadTarget gone;
        await using (var node = await OwnNode.StartAsync(NodeProgram.Find()!, "ngtcp2", [], CancellationToken.None))
            gone = node.Target with { ConnectTimeout = TimeSpan.FromSeconds(1) };

        var report = await LoadRun.RunAsync(Tool.Options("storm") with { Target = gone }, Nobody, CancellationToken.None);

        Assert.False(report.Passed);
        Assert.Contains($"cannot connect to {gone.EndPoint}", report.Scenarios[0].Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_does_not_start_fails_its_scenario_and_the_others_go_on()
    {
        var options = Tool.Options("clients", "overload") with { NodeSettings = ["macula.clients.max-clients=none"] };

        var report = await LoadRun.RunAsync(options, Nobody, CancellationToken.None);

        Assert.False(report.Passed);
        Assert.Equal(["clients", "overload"], report.Scenarios.Select(each => each.Name));
        Assert.All(report.Scenarios, each => Assert.Contains("macula.clients.max-clients", each.Fault, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_cannot_be_run_at_all_is_told_with_what_to_do()
    {
        var gone = Tool.Options("clients") with { NodeDll = "/nowhere/node.dll" };

        Assert.Contains("/nowhere/node.dll", (await Refused(gone)).Message, StringComparison.Ordinal);
        Assert.Contains("allowed: mesh, clients", (await Refused(Tool.Options("nothing"))).Message, StringComparison.Ordinal);
        foreach (var scale in (double[])[0, 1.5, double.NaN])
            Assert.Contains(
                "allowed: 0.0001 to 1", (await Refused(Tool.Options("clients") with { Scale = scale })).Message,
                StringComparison.Ordinal);

        static Task<LoadException> Refused(LoadOptions options) =>
            Assert.ThrowsAsync<LoadException>(() => LoadRun.RunAsync(options, Nobody, CancellationToken.None));
    }
}
