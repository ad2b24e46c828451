using System.Globalization;
using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;

namespace Macula.Actors.Tests.Gateway;

/// <summary>Each actor of a node that is at work throws once: who loses what, and for how long. The lines it writes are
/// the table in docs/failure-modes.md.</summary>
public sealed class CrashUnderLoadSpecs(ITestOutputHelper log)
    : TestKit("akka.loglevel = OFF\n" + Clock, output: log)
{
    // Nothing that is asserted may be owed to a deadline: the clock stands still.
    private const string Clock = "akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"";

    // What a call in flight may end with.
    private static readonly HashSet<string> Typed = ["internal_error", "provider_gone", "no_handler"];

    [Theory]
    [Trait("Defect", "D13")]
    [InlineData("clients")]
    [InlineData("pubsub")]
    [InlineData("registry")]
    [InlineData("rpc")]
    [InlineData("mesh")]
    [InlineData("memory")]
    [InlineData("diagnostics")]
    [InlineData("listener-1")]
    public async Task Nobody_is_disconnected_and_nothing_but_calls_in_flight_is_lost(string actor)
    {
        await using var load = await Working();
        var outcome = await load.Survive(actor, Poison.Concerns.Contains(actor) ? Poison.For(actor) : Kill.Instance);
        var lost = await load.Stop();
        Write(actor, outcome, lost);

        Assert.Equal(
            (0, 0, 0, 0), (outcome.Disconnected, outcome.LostSubscriptions, outcome.LostAdvertisements, lost));
        Assert.Subset(Typed, outcome.Errors.Keys.ToHashSet());
        if (actor is "memory" or "diagnostics" or "listener-1") Assert.Empty(outcome.Errors);
        Assert.True(outcome.Errors.Values.Sum() <= SteadyLoad.Standing);
    }

    [Fact]
    public async Task Where_nothing_fails_nothing_is_lost()
    {
        await using var load = await Working();
        var outcome = await load.Survive("clients", new Identify(null));
        var lost = await load.Stop();
        Write("(none)", outcome, lost);

        Assert.Equal(
            (0, 0, 0, 0), (outcome.Disconnected, outcome.LostSubscriptions, outcome.LostAdvertisements, lost));
        Assert.Empty(outcome.Errors);
    }

    [Fact]
    public async Task A_connection_that_fails_takes_its_own_client_along_and_no_other()
    {
        await using var load = await Working();
        var outcome = await load.Survive(SteadyLoad.Subscription, Kill.Instance);
        var lost = await load.Stop();
        Write("connection", outcome, lost);

        Assert.Equal(
            (1, 1, 0, 0), (outcome.Disconnected, outcome.LostSubscriptions, outcome.LostAdvertisements, lost));
        Assert.Empty(outcome.Errors);
    }

    private async Task<SteadyLoad> Working()
    {
        var edge = new MemoryEdge();
        var peer = await TestNode.Start(this, edge: edge, id: NodeId.Parse("peer"));
        var known = new RegistryProtocol.Peer(
            NodeId.Parse("peer"), new PeerAddress("127.0.0.1", peer.EndPoint.Port));
        var node = await TestNode.Start(
            this,
            TestOptions.Defaults with { KnownPeers = TestOptions.Defaults.KnownPeers with { Peers = [known] } },
            edge: edge, id: NodeId.Parse("node"));
        return await SteadyLoad.Start(this, node, peer);
    }

    private void Write(string actor, SteadyLoad.Outcome outcome, int lost)
    {
        var errors = outcome.Errors.Count == 0
            ? "0"
            : string.Join(", ", outcome.Errors.Select(error => $"{error.Value} `{error.Key}`"));
        Output!.WriteLine(
            $"| {actor} | {outcome.Disconnected} | {outcome.LostSubscriptions} | {outcome.LostAdvertisements} | {lost} | {errors} | "
            + $"{Ms(outcome.Publication)} | {Ms(outcome.Call)} | {Ms(outcome.CallOfNode)} | {Ms(outcome.CallOfPeer)} | {Ms(outcome.Visit)} |");
    }

    private static string Ms(TimeSpan time) => time.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
}
