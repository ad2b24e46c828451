using Macula.Actors.Load.Nodes;

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
    public async Task A_node_that_cannot_be_reached_or_started_is_told_with_what_to_do()
    {
        var gone = Tool.Options("clients") with { NodeDll = "/nowhere/node.dll" };
        var wrong = Tool.Options("clients") with { NodeSettings = ["macula.clients.max-clients=none"] };

        Assert.Contains("/nowhere/node.dll", (await Refused(gone)).Message, StringComparison.Ordinal);
        Assert.Contains("macula.clients.max-clients", (await Refused(wrong)).Message, StringComparison.Ordinal);
        Assert.Contains("allowed: mesh, clients", (await Refused(Tool.Options("nothing"))).Message, StringComparison.Ordinal);

        static Task<LoadException> Refused(LoadOptions options) =>
            Assert.ThrowsAsync<LoadException>(() => LoadRun.RunAsync(options, Nobody, CancellationToken.None));
    }
}
