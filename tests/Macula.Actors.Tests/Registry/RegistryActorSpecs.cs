using Akka.Actor;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

public sealed class RegistryActorSpecs(ITestOutputHelper log) : RegistryKit(log)
{
    [Fact]
    public async Task What_a_client_advertised_is_found_and_can_be_called()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));

        Assert.Equal(["p"], await Found("add"));
        Assert.Equal(["p"], await Callable("add"));
        Assert.Empty(await Callable("other"));
    }

    [Fact]
    [Trait("Defect", "D26")]
    public async Task A_record_without_metadata_is_found_and_not_called()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Subscription("home.*", "p"));

        Assert.Equal(["p"], await Found("home.*"));
        Assert.Empty(await Callable("home.*"));
    }

    [Fact]
    public async Task Providers_are_listed_the_longest_advertised_first_and_asking_counts_turns()
    {
        var (a, b) = (await Connect("a"), await Connect("b"));
        await Store(a, "a", Wire.Advertise("add", "a"));
        await Store(b, "b", Wire.Advertise("add", "b"));
        await Store(a, "a", Wire.Advertise("add", "a"));

        Assert.Equal(["a", "b"], await Found("add"));
        Assert.Equal(0, (await Ask("add")).Turn);
        Assert.Equal(1, (await Ask("add")).Turn);
    }

    [Fact]
    public async Task A_value_comes_back_as_it_was_stored()
    {
        var p = await Connect("p");
        var value = Wire.Record("p", 30, [0x81, 0xc4, 1, (byte)'k', 0x93, 1, 2, 3]);
        await Store(p, "p", Wire.Store("add", value));

        var reply = await FindValue("add");
        Assert.Equal(value, Assert.Single(reply.Value!.Value.Elements()!));
    }

    [Fact]
    public async Task A_list_is_stored_record_by_record()
    {
        var p = await Connect("p");
        byte[] list = [0x92, .. Wire.Plain("a").Bytes.Span, .. Wire.Plain("b").Bytes.Span];
        await Store(p, "p", Wire.Store("add", new RawValue(list)));

        Assert.Equal(["a", "b"], await Found("add"));
        Assert.Equal(2, Census.Size("registry.services"));
    }

    [Fact]
    [Trait("Defect", "D60")]
    public async Task A_lease_ends_exactly_and_its_sweep_only_frees_memory()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 30));

        this.Advance(TimeSpan.FromSeconds(29.999));
        Assert.Equal(["p"], await Found("add"));
        Assert.Equal(["p"], await Callable("add"));
        this.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Empty(await Found("add"));
        Assert.Empty(await Callable("add"));
        Assert.Equal(1, Census.Size("registry.services"));

        this.Advance(TimeSpan.FromSeconds(30));
        await this.Handled(Registry);
        Assert.Equal(0, Census.Size("registry.services"));
        Assert.Equal(1, Meters.Total("macula.registry.expired"));
    }

    [Fact]
    public async Task Who_advertises_again_after_the_lease_was_over_is_called_at_once_though_somebody_asked_in_between()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 30));
        this.Advance(TimeSpan.FromSeconds(30));
        Assert.Empty(await Callable("add"));

        await Store(p, "p", Wire.Advertise("add", "p", ttl: 30));

        Assert.Equal(["p"], await Callable("add"));
    }

    [Fact]
    public async Task Renewing_counts_and_no_lease_is_longer_than_allowed()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 30));
        this.Advance(TimeSpan.FromSeconds(25));
        await Store(p, "p", Wire.Advertise("add", "p", ttl: int.MaxValue));
        this.Advance(TimeSpan.FromSeconds(60));
        this.Advance(TimeSpan.FromSeconds(39));
        Assert.Equal(["p"], await Found("add"));

        this.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await Found("add"));
    }

    [Fact]
    public async Task A_ttl_of_zero_withdraws()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 0));
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 0));

        Assert.Empty(await Found("add"));
        Assert.Equal(0, Census.Size("registry.services"));
    }

    [Fact]
    public async Task The_end_of_the_connection_withdraws_all_that_its_client_advertised()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("sub", "p"));
        await Store(q, "q", Wire.Advertise("add", "q"));

        await this.End(p.Connection);
        await this.Eventually(() => Census.Size("registry.services") == 1);
        Assert.Equal(["q"], await Found("add"));
        Assert.Equal(["q"], await FoundNodes("p"));

        await this.End(q.Connection);
        await this.Eventually(() => (Census.Size("registry.services"), Census.Size("registry.nodes")) == (0, 0));
    }

    [Fact]
    public async Task The_end_of_a_stream_withdraws_what_was_advertised_on_it()
    {
        var p = await Connect("p");
        var second = new FakeSink(p.Connection);
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(second, "p", Wire.Advertise("sub", "p"));

        Registry.Tell(new StreamEnded(second));

        Assert.Equal(["p"], await Found("add"));
        Assert.Empty(await Found("sub"));
    }

    [Fact]
    [Trait("Defect", "D26")]
    [Trait("Defect", "D47")]
    public async Task A_record_of_a_client_that_is_connected_cannot_be_replaced_or_withdrawn_by_another()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(q, "q", Wire.Advertise("add", "p"));
        await Store(q, "q", Wire.Advertise("add", "p", ttl: 0));

        Assert.Same(p, Assert.Single((await Ask("add")).Live).Stream);
        Assert.Equal(1, Census.Table("registry.services").Rejected);
    }

    [Fact]
    public async Task The_node_that_a_record_names_may_have_it_whoever_put_it_first()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(q, "q", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        Assert.Same(p, Assert.Single((await Ask("add")).Live).Stream);

        await this.End(q.Connection);
        await this.Eventually(() => Census.Size("registry.nodes") == 1);
        Assert.Equal(["p"], await Callable("add"));
        await this.End(p.Connection);
        await this.Eventually(() => Census.Size("registry.services") == 0);
    }

    [Fact]
    public async Task A_client_that_comes_back_advertises_anew_while_its_older_connection_lingers()
    {
        var older = await Connect("p");
        await Store(older, "p", Wire.Advertise("add", "p"));
        await Store(older, "p", Wire.Advertise("gone", "p"));

        var newer = await Connect("p");
        Assert.Empty(await Found("add"));
        await Store(newer, "p", Wire.Advertise("add", "p"));
        await Store(older, "p", Wire.Advertise("add", "p")); // was under way
        Assert.Same(newer, Assert.Single((await Ask("add")).Live).Stream);

        await this.End(older.Connection);
        Assert.Equal(["p"], await Callable("add"));
        Assert.Equal((1, 1), (Census.Size("registry.services"), Census.Size("registry.nodes")));
    }

    [Fact]
    [Trait("Defect", "D38")]
    public async Task A_superseded_connection_may_end_after_its_successor()
    {
        var older = await Connect("p");
        await Store(older, "p", Wire.Advertise("add", "p"));
        var newer = await Connect("p");
        await Store(newer, "p", Wire.Advertise("add", "p"));
        var bystander = await Connect("q");
        await Store(bystander, "q", Wire.Advertise("add", "q"));

        await this.End(newer.Connection);
        await this.Eventually(() => Census.Size("registry.nodes") == 1);
        await this.End(older.Connection);
        await this.Handled(Registry);

        Assert.Equal(["q"], await Found("add"));
        Assert.Equal(["q"], await FoundNodes("p"));
    }

    [Fact]
    [Trait("Defect", "D36")]
    public async Task A_connection_that_comes_back_under_another_id_is_known_by_that_alone()
    {
        var p = await Connect("p");
        await Connect("renamed", p);

        Assert.Equal(["renamed"], await FoundNodes("p"));
        await this.End(p.Connection);
        await this.Eventually(() => Census.Size("registry.nodes") == 0);
    }

    [Fact]
    public async Task Records_of_mesh_peers_outlive_their_connection_and_are_called_where_they_say()
    {
        var peer = new FakeSink(CreateTestProbe());
        await Store(peer, null, Wire.Advertise("add", "far", ttl: 30));
        await this.End(peer.Connection);
        await this.Handled(Registry);

        Assert.Equal(["far"], await Found("add"));
        Assert.Equal(Far("far"), Assert.Single((await Ask("add")).Live));
    }

    [Fact]
    [Trait("Defect", "D26")]
    public async Task No_more_services_than_there_may_be_and_expired_ones_make_room()
    {
        var (a, b) = (await Connect("a"), await Connect("b"));
        foreach (var name in (string[])["1", "2", "3", "4"]) await Store(a, "a", Wire.Advertise(name, "a", ttl: 10));
        Assert.Equal(3, Census.Size("registry.services")); // max-services-per-client
        foreach (var name in (string[])["5", "6", "7"]) await Store(b, "b", Wire.Advertise(name, "b"));
        Assert.Equal(5, Census.Size("registry.services")); // max-services
        Assert.Equal(2, Census.Table("registry.services").Rejected);
        await Store(b, "b", Wire.Advertise("5", "b")); // renewing needs no room
        Assert.Equal(2, Census.Table("registry.services").Rejected);

        this.Advance(Options.CleanupInterval);
        await Store(b, "b", Wire.Advertise("7", "b"));
        Assert.Equal(["b"], await Found("7"));
    }

    [Fact]
    [Trait("Defect", "D26")]
    public async Task No_more_providers_of_a_service_than_there_may_be()
    {
        foreach (var node in (string[])["a", "b", "c"])
            await Store(await Connect(node), node, Wire.Advertise("add", node));

        Assert.Equal(["a", "b"], await Found("add"));
        Assert.Equal(1, Census.Table("registry.services").Rejected);
    }

    [Fact]
    public async Task Of_several_records_for_other_nodes_the_last_one_gives_way_to_a_nodes_own()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        foreach (var node in (string[])["x", "y"]) await Store(q, "q", Wire.Advertise("add", node));
        await Store(q, "q", Wire.Advertise("add", "x")); // renewed, and still the first
        await Store(p, "p", Wire.Advertise("add", "p"));

        Assert.Equal(["x", "p"], await Found("add"));
    }

    [Fact]
    public async Task A_value_that_is_too_large_is_refused()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Store("add", Wire.Record("p", 30, [0x81, 0xa1, 1, 0xc4, 200, .. new byte[200]])));

        Assert.Empty(await Found("add"));
        Assert.Equal(0, Census.Size("registry.services"));
    }

    [Fact]
    public async Task A_miss_names_the_closest_known_nodes()
    {
        await Connect("p");
        await Connect("q");

        var nodes = (await FindValue("unknown")).Nodes!;

        Assert.Equal(["p", "q"], nodes.Select(node => node.NodeId.ToString()).Order());
        Assert.All(nodes, node => Assert.Equal("10.0.0.1:77", node.Address.ToString()));
        Assert.All(nodes, node => Assert.Equal("https://p:1", node.Endpoint?.ToString()));
    }

    [Fact]
    public async Task Twenty_nodes_are_the_most_that_an_answer_names()
    {
        for (var i = 0; i < 30; i++) await Connect($"node-{i}");

        Assert.Equal(20, (await FoundNodes("target")).Count);
    }

    [Fact]
    [Trait("Defect", "D38")]
    public async Task What_an_earlier_session_of_a_node_says_late_does_not_touch_its_successor()
    {
        var second = await Connect("p", session: 2);
        var first = await Connect("p", session: 1); // admitted before, heard of after

        await Store(second, "p", Wire.Advertise("add", "p"));
        Assert.Equal(["p"], await Callable("add"));
        await this.End(first.Connection);
        await this.Handled(Registry);
        Assert.Equal(["p"], await Callable("add"));
        Assert.Equal(1, Census.Size("registry.nodes"));
    }
}
