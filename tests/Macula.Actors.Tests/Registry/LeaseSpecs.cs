using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

public sealed class LeaseSpecs(ITestOutputHelper log) : RegistryKit(log)
{
    [Fact]
    [Trait("Defect", "D22")]
    public async Task A_service_that_is_renewed_outlives_every_sweep()
    {
        var p = await Connect("p");
        for (var i = 0; i < 20; i++)
        {
            await Store(p, "p", Wire.Advertise("add", "p"));
            this.Advance(TimeSpan.FromSeconds(50));
            Assert.Equal(["p"], await Found("add"));
        }

        Assert.Equal((1, 0), (Census.Size("registry.services"), Census.Table("registry.services").Expiries));
    }

    [Fact]
    [Trait("Defect", "D24")]
    public async Task A_lease_may_be_as_short_as_a_second_and_renewals_keep_it()
    {
        var p = await Connect("p");
        for (var i = 0; i < 10; i++)
        {
            await Store(p, "p", Wire.Advertise("add", "p", ttl: 1));
            this.Advance(TimeSpan.FromMilliseconds(500));
            Assert.Equal(["p"], await Callable("add"));
        }

        this.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Empty(await Callable("add"));
    }

    [Fact]
    public async Task A_renewal_may_shorten_a_lease()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));
        Assert.Equal(["p"], await Callable("add"));
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 5));

        this.Advance(TimeSpan.FromSeconds(5));

        Assert.Empty(await Callable("add"));
    }

    [Fact]
    [Trait("Defect", "D25")]
    public async Task What_is_withdrawn_is_gone_from_lookups_and_from_every_table()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));
        Assert.Equal(["p"], await Callable("add"));

        await Store(p, "p", Wire.Advertise("add", "p", ttl: 0));

        Assert.Empty(await Found("add"));
        Assert.Empty(await Callable("add"));
        Assert.Equal((0, 0), (Census.Size("registry.services"), Census.Size("registry.bytes")));
    }

    [Fact]
    [Trait("Defect", "D26")]
    public async Task Providers_of_one_service_stand_beside_each_other_and_each_once()
    {
        var (a, b) = (await Connect("a"), await Connect("b"));
        await Store(a, "a", Wire.Advertise("add", "a"));
        await Store(b, "b", Wire.Advertise("add", "b"));
        await Store(a, "a", Wire.Advertise("add", "a"));

        Assert.Equal(["a", "b"], await Found("add"));
        Assert.Equal(2, Census.Size("registry.services"));
    }

    [Fact]
    [Trait("Defect", "D21")]
    public async Task Whoever_advertises_finds_its_own_service_in_the_same_registry()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));

        Assert.Same(p, Assert.Single((await Ask("add")).Live).Stream);
    }

    [Fact]
    public async Task The_end_of_a_client_withdraws_in_the_turn_that_notices_it()
    {
        var p = await Connect("p");
        await Store(p, "p", Wire.Advertise("add", "p"));
        await this.End(p.Connection);
        await this.Eventually(() => Census.Size("registry.nodes") == 0);

        Assert.Equal((0, 0), (Census.Size("registry.services"), Census.Size("registry.bytes")));
    }

    [Fact]
    public async Task Each_refusal_is_counted_by_its_reason_and_the_client_is_told()
    {
        var (a, b, c) = (await Connect("a"), await Connect("b"), await Connect("c"));
        foreach (var name in (string[])["1", "2", "3", "4"]) await Store(a, "a", Wire.Advertise(name, "a"));
        Assert.Equal(["per_client 1"], Rejections());
        await Store(b, "b", Wire.Advertise("1", "b"));
        await Store(c, "c", Wire.Advertise("1", "c"));
        Assert.Equal(["per_client 1", "per_service 1"], Rejections());
        await Store(c, "c", Wire.Advertise("1", "a"));
        Assert.Equal(["not_owner 1", "per_client 1", "per_service 1"], Rejections());
        await Store(c, "c", Wire.Store("5", Wire.Record("c", 30, [0x81, 0xa1, 1, 0xc4, 200, .. new byte[200]])));
        await Store(c, "c", Wire.Advertise("5", "c"));
        await Store(c, "c", Wire.Advertise("6", "c"));
        Assert.Equal(
            ["full 1", "not_owner 1", "per_client 1", "per_service 1", "too_large 1"], Rejections());

        Assert.Equal(DhtKey.ForName("4"), await RefusedKey(a));
        foreach (var name in (string[])["1", "1", "5", "6"]) Assert.Equal(DhtKey.ForName(name), await RefusedKey(c));
        Assert.Equal(5, Census.Table("registry.services").HighWater);
    }

    [Fact]
    public async Task The_stored_bytes_have_a_bound_of_their_own()
    {
        var size = Wire.Record("p", 300, Blob(120)).Bytes.Length;
        var p = await Connect("p");
        var q = await Connect("q");
        foreach (var name in (string[])["1", "2", "3"]) await Store(p, "p", Wire.Store(name, Wire.Record("p", 300, Blob(120))));
        await Store(q, "q", Wire.Store("4", Wire.Record("q", 300, Blob(120))));
        var used = Census.Size("registry.bytes");
        Assert.InRange(used, Options.MaxStoredBytes - size, Options.MaxStoredBytes);

        await Store(q, "q", Wire.Store("5", Wire.Record("q", 300, Blob(120))));
        Assert.Equal(["full 1"], Rejections("registry.bytes"));
        Assert.Empty(await Found("5"));
        Assert.Equal(used, Census.Size("registry.bytes"));

        // A smaller value always has room, and makes some.
        await Store(p, "p", Wire.Advertise("1", "p"));
        await Store(q, "q", Wire.Store("5", Wire.Record("q", 300, Blob(120))));
        Assert.Equal(["q"], await Found("5"));
        await this.End(p.Connection);
        await this.End(q.Connection);
        await this.Eventually(() => Census.Tables.All(table => table.Size == 0));
    }

    [Fact]
    public async Task A_value_that_grows_on_renewal_needs_room_for_what_it_grows_by()
    {
        var p = await Connect("p");
        var q = await Connect("q");
        foreach (var name in (string[])["1", "2", "3"]) await Store(p, "p", Wire.Store(name, Wire.Record("p", 300, Blob(130))));
        foreach (var name in (string[])["4", "5"]) await Store(q, "q", Wire.Advertise(name, "q"));
        var used = Census.Size("registry.bytes");

        for (var i = 0; i < 3; i++) await Store(q, "q", Wire.Store("4", Wire.Record("q", 300, Blob(130))));
        await Store(q, "q", Wire.Store("5", Wire.Record("q", 300, Blob(130))));

        Assert.Equal(["full 1"], Rejections("registry.bytes"));
        Assert.True(Census.Size("registry.bytes") > used);
        Assert.Equal(["q"], await Found("5")); // as it was before
    }

    [Fact]
    public async Task A_mesh_peer_may_store_as_much_as_a_client_and_its_records_stay_without_it()
    {
        var peer = new FakeSink(CreateTestProbe());
        foreach (var name in (string[])["1", "2", "3", "4"])
            await Store(new FakeSink(peer.Connection), null, Wire.Advertise(name, "far"));
        Assert.Equal(["per_client 1"], Rejections());

        await this.End(peer.Connection);
        await this.Handled(Registry);
        Assert.Equal(3, Census.Size("registry.services"));
        var other = new FakeSink(CreateTestProbe());
        await Store(other, null, Wire.Advertise("1", "far", ttl: 10)); // anyone may renew what has no owner
        await Store(other, null, Wire.Advertise("2", "far", ttl: 0));
        Assert.Equal(2, Census.Size("registry.services"));
    }

    [Fact]
    public async Task Connections_are_told_what_lapsed_in_one_message_each()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        foreach (var name in (string[])["1", "2"]) await Store(p, "p", Wire.Advertise(name, "p", ttl: 10));
        await Store(q, "q", Wire.Advertise("1", "q", ttl: 10));
        await Store(q, "q", Wire.Advertise("3", "q"));

        this.Advance(Options.CleanupInterval);
        await this.Handled(Registry);

        var lapsed = await Probe(p).ExpectMsgAsync<NotStored>(SpecExtensions.Deadline);
        Assert.Equal(
            new HashSet<DhtKey> { DhtKey.ForName("1"), DhtKey.ForName("2") }, [.. lapsed.Records.Select(each => each.Key)]);
        Assert.Equal(DhtKey.ForName("1"), await RefusedKey(q));
        Assert.False(Probe(p).HasMessages);
        Assert.False(Probe(q).HasMessages);
        Assert.Equal((1, 3), (Census.Size("registry.services"), Census.Table("registry.services").Expiries));
    }

    [Fact]
    public async Task What_a_restarted_registry_is_told_again_it_knows_as_before()
    {
        var p = new FakeSink(CreateTestProbe());
        var record = Stored(Wire.Record("p", 300, [0x80]));
        Registry.Tell(new Resume(
            p, NodeId.Parse("p"), "10.0.0.1:77", "",
            [.. "1234".Select(name => ((IFrameSink)p, DhtKey.ForName($"{name}"), record))]));

        Assert.Same(p, Assert.Single((await Ask("1")).Live).Stream);
        Assert.Equal(DhtKey.ForName("4"), await RefusedKey(p)); // per client
        await this.End(p.Connection);
        await this.Eventually(() => Census.Size("registry.services") == 0);
    }

    private static byte[] Blob(byte size) => [0x81, 0xa1, 1, 0xc4, size, .. new byte[size]];
}
