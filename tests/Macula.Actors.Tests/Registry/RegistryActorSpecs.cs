using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

public sealed class RegistryActorSpecs : TestKit
{
    private static readonly RegistryOptions Options = new()
    {
        ServiceTtl = TimeSpan.FromSeconds(100),
        CleanupInterval = TimeSpan.FromSeconds(60),
        MaxServices = 5,
        MaxServicesPerClient = 3,
        MaxProvidersPerService = 2,
        MaxValueSize = 200,
    };

    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly ReadCredit _credit = new(1000, 1_000_000);
    private readonly IActorRef _registry;

    public RegistryActorSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _registry = Sys.ActorOf(
        RegistryActor.Props(Options, NodeId.Parse("gateway"), _census, new GatewayMetrics(_meters, _census)), "registry");

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
        Assert.Equal(2, _census.Size("registry.services"));
    }

    [Fact]
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
        Assert.Equal(1, _census.Size("registry.services"));

        this.Advance(TimeSpan.FromSeconds(30));
        await this.Handled(_registry);
        Assert.Equal(0, _census.Size("registry.services"));
        Assert.Equal(1, _meters.Total("macula.registry.expired"));
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
        Assert.Equal(0, _census.Size("registry.services"));
    }

    [Fact]
    public async Task The_end_of_the_connection_withdraws_all_that_its_client_advertised()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("sub", "p"));
        await Store(q, "q", Wire.Advertise("add", "q"));

        await this.End(p.Connection);
        await this.Eventually(() => _census.Size("registry.services") == 1);
        Assert.Equal(["q"], await Found("add"));
        Assert.Equal(["q"], await FoundNodes("p"));

        await this.End(q.Connection);
        await this.Eventually(() => (_census.Size("registry.services"), _census.Size("registry.nodes")) == (0, 0));
    }

    [Fact]
    public async Task The_end_of_a_stream_withdraws_what_was_advertised_on_it()
    {
        var p = await Connect("p");
        var second = new FakeSink(p.Connection);
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(second, "p", Wire.Advertise("sub", "p"));

        _registry.Tell(new StreamEnded(second));

        Assert.Equal(["p"], await Found("add"));
        Assert.Empty(await Found("sub"));
    }

    [Fact]
    public async Task A_record_of_a_client_that_is_connected_cannot_be_replaced_or_withdrawn_by_another()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(q, "q", Wire.Advertise("add", "p"));
        await Store(q, "q", Wire.Advertise("add", "p", ttl: 0));

        Assert.Same(p, Assert.Single((await Ask("add")).Live).Stream);
        Assert.Equal(1, _census.Table("registry.services").Rejected);
    }

    [Fact]
    public async Task The_node_that_a_record_names_may_have_it_whoever_put_it_first()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(q, "q", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        Assert.Same(p, Assert.Single((await Ask("add")).Live).Stream);

        await this.End(q.Connection);
        await this.Eventually(() => _census.Size("registry.nodes") == 1);
        Assert.Equal(["p"], await Callable("add"));
        await this.End(p.Connection);
        await this.Eventually(() => _census.Size("registry.services") == 0);
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
        Assert.Equal((1, 1), (_census.Size("registry.services"), _census.Size("registry.nodes")));
    }

    [Fact]
    public async Task A_superseded_connection_may_end_after_its_successor()
    {
        var older = await Connect("p");
        await Store(older, "p", Wire.Advertise("add", "p"));
        var newer = await Connect("p");
        await Store(newer, "p", Wire.Advertise("add", "p"));
        var bystander = await Connect("q");
        await Store(bystander, "q", Wire.Advertise("add", "q"));

        await this.End(newer.Connection);
        await this.Eventually(() => _census.Size("registry.nodes") == 1);
        await this.End(older.Connection);
        await this.Handled(_registry);

        Assert.Equal(["q"], await Found("add"));
        Assert.Equal(["q"], await FoundNodes("p"));
    }

    [Fact]
    public async Task A_connection_that_comes_back_under_another_id_is_known_by_that_alone()
    {
        var p = await Connect("p");
        await Connect("renamed", p);

        Assert.Equal(["renamed"], await FoundNodes("p"));
        await this.End(p.Connection);
        await this.Eventually(() => _census.Size("registry.nodes") == 0);
    }

    [Fact]
    public async Task Records_of_mesh_peers_outlive_their_connection_and_are_not_called()
    {
        var peer = new FakeSink(CreateTestProbe());
        await Store(peer, null, Wire.Advertise("add", "far", ttl: 30));
        await this.End(peer.Connection);
        await this.Handled(_registry);

        Assert.Equal(["far"], await Found("add"));
        Assert.Empty(await Callable("add"));
    }

    [Fact]
    public async Task No_more_services_than_there_may_be_and_expired_ones_make_room()
    {
        var (a, b) = (await Connect("a"), await Connect("b"));
        foreach (var name in (string[])["1", "2", "3", "4"]) await Store(a, "a", Wire.Advertise(name, "a", ttl: 10));
        Assert.Equal(3, _census.Size("registry.services")); // max-services-per-client
        foreach (var name in (string[])["5", "6", "7"]) await Store(b, "b", Wire.Advertise(name, "b"));
        Assert.Equal(5, _census.Size("registry.services")); // max-services
        Assert.Equal(2, _census.Table("registry.services").Rejected);
        await Store(b, "b", Wire.Advertise("5", "b")); // renewing needs no room
        Assert.Equal(2, _census.Table("registry.services").Rejected);

        this.Advance(Options.CleanupInterval);
        await Store(b, "b", Wire.Advertise("7", "b"));
        Assert.Equal(["b"], await Found("7"));
    }

    [Fact]
    public async Task No_more_providers_of_a_service_than_there_may_be()
    {
        foreach (var node in (string[])["a", "b", "c"])
            await Store(await Connect(node), node, Wire.Advertise("add", node));

        Assert.Equal(["a", "b"], await Found("add"));
        Assert.Equal(1, _census.Table("registry.services").Rejected);
    }

    [Fact]
    public async Task A_value_that_is_too_large_or_no_record_is_refused()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Store("add", Wire.Record("p", 30, [0x81, 0xa1, 1, 0xc4, 200, .. new byte[200]])));
        await Store(p, "p", Wire.Store("add", new RawValue(new byte[] { 0xc0 })));
        await Store(p, "p", Wire.Store("add", new RawValue(new byte[] { 0x80 })));

        Assert.Empty(await Found("add"));
        Assert.Equal(0, _census.Size("registry.services"));
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

    private async Task<FakeSink> Connect(string node, FakeSink? again = null)
    {
        var sink = again ?? new FakeSink(CreateTestProbe());
        await Tell(new NodeSeen(sink, NodeId.Parse(node), "10.0.0.1:77", "https://p:1", await _credit.TakeAsync(1)));
        return sink;
    }

    private async Task Store(FakeSink sink, string? sender, StoreMessage message) => await Tell(new Store(
        sink, sender is null ? default : NodeId.Parse(sender), DhtKey.FromBytes(message.Key.Span),
        [.. message.Value.Elements()!.Select(Stored)], await _credit.TakeAsync(1)));

    private StoredRecord Stored(RawValue value)
    {
        Assert.True(ServiceRecord.TryDecode(value, out var record, out var error), error.ToString());
        return new StoredRecord(record, value, Sys.Scheduler.Elapsed());
    }

    private async Task<FindValueReplyMessage> FindValue(string name)
    {
        var sink = new FakeSink(CreateTestProbe());
        await Tell(new FindValue(sink, Wire.FindValue(name), await _credit.TakeAsync(1)));
        Assert.Equal(FrameDelivery.Answer, Assert.Single(sink.Deliveries));
        return sink.Last.FoundValue();
    }

    private async Task<List<string>> Found(string name) =>
        [.. (await FindValue(name)).Providers().Select(record => record.NodeId.ToString())];

    private async Task<List<string>> FoundNodes(string target)
    {
        var sink = new FakeSink(CreateTestProbe());
        await Tell(new FindNode(sink, new FindNodeMessage(Wire.Bytes(target)), await _credit.TakeAsync(1)));
        Assert.Equal(FrameDelivery.Answer, Assert.Single(sink.Deliveries));
        return [.. sink.Last.FoundNodes().Nodes.Select(node => node.NodeId.ToString())];
    }

    private async Task<Providers> Ask(string name)
    {
        _registry.Tell(new FindProviders(DhtKey.ForName(name), 1), TestActor);
        return await ExpectMsgAsync<Providers>(SpecExtensions.Deadline);
    }

    private async Task<List<string>> Callable(string name) =>
        [.. (await Ask(name)).Live.Select(provider => provider.Node.ToString())];

    private async Task Tell(object message)
    {
        _registry.Tell(message);
        await this.Handled(_registry);
        Assert.Equal(0, _credit.Frames);
    }
}
