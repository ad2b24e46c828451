using Akka.Actor;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

public sealed class DiscoverySpecs(ITestOutputHelper log)
    : RegistryKit(log, peers: NoPeers with { Endpoint = new PeerAddress("here", 9443) })
{
    private static readonly Provider Elsewhere = new(NodeId.Parse("far"), null, Peer("hub"));

    [Fact]
    [Trait("Defect", "D21")]
    public async Task What_peers_taught_is_known_for_its_time_and_asked_for_again_after_that()
    {
        await Learn("add", Elsewhere);
        this.Advance(TimeSpan.FromSeconds(49));
        Assert.Equal([Elsewhere], (await Ask("add")).Live);

        this.Advance(TimeSpan.FromSeconds(1));

        Assert.Empty((await Ask("add")).Live);
        Assert.Equal(1, Census.Size("registry.cache"));
        this.Advance(TimeSpan.FromSeconds(10));
        await this.Handled(Registry);
        Assert.Equal((0, 1), (Census.Size("registry.cache"), Census.Table("registry.cache").Expiries));
        Assert.Equal((1, 1), (Lookups("cached"), Lookups("missed")));
    }

    [Fact]
    [Trait("Defect", "D59")]
    public async Task Reading_makes_nothing_younger()
    {
        await Learn("add", Elsewhere);
        for (var i = 0; i < 49; i++)
        {
            this.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal([Elsewhere], (await Ask("add")).Live);
        }

        this.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty((await Ask("add")).Live);
    }

    [Fact]
    [Trait("Defect", "D60")]
    public async Task An_entry_ends_when_the_records_say_if_that_is_sooner()
    {
        await Learn("short", TimeSpan.FromSeconds(5), Elsewhere);
        await Learn("long", TimeSpan.FromHours(5), Elsewhere);

        this.Advance(TimeSpan.FromSeconds(5));
        Assert.Empty((await Ask("short")).Live);
        Assert.Single((await Ask("long")).Live);
        this.Advance(TimeSpan.FromSeconds(45));
        Assert.Empty((await Ask("long")).Live);
    }

    [Fact]
    public async Task The_one_that_was_not_asked_for_the_longest_gives_way()
    {
        foreach (var name in (string[])["1", "2", "3"]) await Learn(name, Elsewhere);
        await Ask("1");
        await Learn("4", Elsewhere);

        Assert.Equal((3, 1), (Census.Size("registry.cache"), Census.Table("registry.cache").Evictions));
        Assert.Empty((await Ask("2")).Live);
        foreach (var name in (string[])["1", "3", "4"]) Assert.Single((await Ask(name)).Live);
    }

    [Fact]
    public async Task A_newer_answer_replaces_the_older_and_an_empty_one_is_not_kept()
    {
        await Learn("add", Elsewhere);
        await Learn("add", Elsewhere with { Node = NodeId.Parse("other") });
        Assert.Equal(["other"], await Callable("add"));

        await Learn("add");
        Assert.Empty(await Callable("add"));
        Assert.Equal(0, Census.Size("registry.cache"));
    }

    [Fact]
    public async Task Who_is_advertised_here_comes_first_and_instead_of_what_peers_say_of_it()
    {
        var p = await Connect("p");
        await Learn("add", Elsewhere, new Provider(NodeId.Parse("p"), null, Peer("hub")));
        Assert.Equal(2, (await Ask("add")).Live.Count);

        await Store(p, "p", Wire.Advertise("add", "p"));
        Assert.Equal([new Provider(NodeId.Parse("p"), p), Elsewhere], (await Ask("add")).Live);
        Assert.Equal([new Provider(NodeId.Parse("p"), p), Elsewhere], (await Ask("add")).Live);
        Assert.Equal((2, 1), (Lookups("local"), Lookups("cached")));

        await Store(p, "p", Wire.Advertise("add", "p", ttl: 0));
        Assert.Equal(["far", "p"], await Callable("add"));
    }

    [Fact]
    public async Task No_entry_names_more_providers_than_a_service_may_have_and_none_twice()
    {
        await Learn("add", [Elsewhere, Elsewhere, .. "abc".Select(node => Far($"{node}"))]);

        Assert.Equal(["far", "a"], await Callable("add"));
    }

    [Fact]
    public async Task This_node_itself_is_nobody_else()
    {
        await Learn(
            "add", new Provider(NodeId.Parse("far"), null, Peer("hub", new PeerAddress("here", 9443))),
            new Provider(NodeId.Parse("far"), null, Peer("gateway")), Far("gateway"),
            new Provider(NodeId.Parse("far"), new FakeSink(TestActor)));

        Assert.Empty((await Ask("add")).Live);
    }

    [Fact]
    public async Task What_would_go_through_a_peer_that_failed_is_forgotten()
    {
        await Learn("1", Elsewhere);
        await Learn("2", Elsewhere, Far("other"));

        Registry.Tell(new PeerFailed(new Peer(NodeId.Parse("hub"), Elsewhere.Peer!.Address)));

        Assert.Empty((await Ask("1")).Live);
        Assert.Equal(["other"], await Callable("2"));
        Assert.Equal(1, Census.Size("registry.cache"));
    }

    [Fact]
    public async Task Under_memory_pressure_nothing_is_kept_until_it_is_over()
    {
        await Learn("1", Elsewhere);
        Registry.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.CloseIdlePeers));
        Assert.Single((await Ask("1")).Live);

        Registry.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.DropCaches));
        await Learn("2", Elsewhere);
        Assert.Empty((await Ask("1")).Live);
        Assert.Empty((await Ask("2")).Live);
        Assert.Equal((0, 1), (Census.Size("registry.cache"), Census.Table("registry.cache").Evictions));
        Registry.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.ShrinkQueues));
        await Learn("2", Elsewhere);
        Assert.Empty((await Ask("2")).Live);

        Registry.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.CloseIdlePeers));
        await Learn("2", Elsewhere);
        Assert.Single((await Ask("2")).Live);
    }

    [Fact]
    public async Task A_client_is_called_on_its_stream_whatever_endpoint_it_names()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));

        Assert.Equal(new Provider(NodeId.Parse("p"), p), Assert.Single((await Ask("add")).Live));
    }

    [Fact]
    public async Task What_a_client_stores_for_another_node_is_called_there_or_else_through_the_client()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "far"));
        await Store(p, "p", Record("sub", "far", ""));
        await Store(p, "p", Record("mul", "far", "https://here:9443/")); // this node's own

        Assert.Equal(Far("far"), Assert.Single((await Ask("add")).Live));
        Assert.Equal(new Provider(NodeId.Parse("far"), p), Assert.Single((await Ask("sub")).Live));
        Assert.Equal(new Provider(NodeId.Parse("far"), p), Assert.Single((await Ask("mul")).Live));
    }

    [Fact]
    public async Task What_a_mesh_peer_stores_is_called_where_it_says_or_not_at_all()
    {
        var peer = new FakeSink(CreateTestProbe());
        await Store(peer, null, Wire.Advertise("add", "far"));
        await Store(peer, null, Record("sub", "far", "nowhere at all"));
        await Store(peer, null, Record("mul", "gateway", "https://far:1"));

        Assert.Equal(Far("far"), Assert.Single((await Ask("add")).Live));
        Assert.Empty((await Ask("sub")).Live);
        Assert.Empty((await Ask("mul")).Live);
        Assert.Equal(["far"], await Found("sub"));
    }

    [Fact]
    public async Task Streams_come_before_peers_however_long_those_are_known()
    {
        var peer = new FakeSink(CreateTestProbe());
        await Store(peer, null, Wire.Advertise("add", "far"));
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));

        Assert.Equal(["p", "far"], await Callable("add"));
        Assert.Equal(["far", "p"], await Found("add"));
    }

    [Fact]
    public async Task A_node_that_moves_is_called_where_it_said_last()
    {
        var peer = new FakeSink(CreateTestProbe());
        await Store(peer, null, Wire.Advertise("add", "far"));
        Assert.Equal(Far("far"), Assert.Single((await Ask("add")).Live));
        await Store(peer, null, Record("add", "far", "https://moved:1"));

        Assert.Equal(new PeerAddress("moved", 1), Assert.Single((await Ask("add")).Live).Peer!.Address);
    }

    private static StoreMessage Record(string name, string node, string endpoint) => Wire.Store(
        name, new ServiceRecord(NodeId.Parse(node), endpoint, new RawValue(new byte[] { 0x80 })).Encode());

    private Task Learn(string name, params Provider[] providers) => Learn(name, default, providers);

    private async Task Learn(string name, TimeSpan ttl, params Provider[] providers) =>
        await Tell(new Learned(DhtKey.ForName(name), providers, ttl));

    private long Lookups(string outcome) => Meters.Total("macula.registry.lookups", outcome);
}
