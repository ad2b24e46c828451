using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

/// <summary>Whoever invents nodes does not keep those out that are there.</summary>
public sealed class FullServiceSpecs(ITestOutputHelper log)
    : RegistryKit(log, Options with { MaxProvidersPerService = 1, MaxServices = 2 })
{
    [Fact]
    public async Task A_nodes_own_record_takes_the_place_of_one_that_a_client_stored_for_another_node()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(q, "q", Wire.Advertise("add", "invented"));
        await Store(p, "p", Wire.Advertise("add", "p"));

        Assert.Equal(["p"], await Found("add"));
        Assert.Equal(["p"], await Callable("add"));
        Assert.Equal(DhtKey.ForName("add"), await RefusedKey(q));
        Assert.Equal((1, 1), (Census.Size("registry.services"), Census.Table("registry.services").Evictions));
        Assert.Empty(Rejections());
    }

    [Fact]
    public async Task A_client_that_displaces_its_own_invention_is_told_and_keeps_what_is_true()
    {
        var q = await Connect("q");
        await Store(q, "q", Wire.Advertise("add", "invented"));
        await Store(q, "q", Wire.Advertise("add", "q"));

        Assert.Equal(DhtKey.ForName("add"), await RefusedKey(q));
        Assert.Equal(["q"], await Callable("add"));
        await Tell(new StreamEnded(q));
        Assert.Equal((0, 0), (Census.Size("registry.services"), Census.Size("registry.bytes")));
    }

    [Fact]
    public async Task A_node_whose_place_is_in_a_full_service_needs_none_in_a_full_registry()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(q, "q", Wire.Advertise("add", "invented"));
        await Store(q, "q", Wire.Advertise("sub", "invented"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("mul", "p"));

        Assert.Equal(["p"], await Found("add"));
        Assert.Equal(["full 1"], Rejections());
    }

    [Fact]
    public async Task What_is_a_nodes_own_or_a_mesh_peers_does_not_give_way_and_only_to_a_nodes_own_does_anything()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        var peer = new FakeSink(CreateTestProbe());
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(q, "q", Wire.Advertise("add", "q"));
        await Store(peer, null, Wire.Advertise("sub", "far"));
        await Store(q, "q", Wire.Advertise("sub", "q"));
        Assert.Equal(["p"], await Found("add"));
        Assert.Equal(["far"], await Found("sub"));

        await Store(p, "p", Wire.Advertise("add", "p", ttl: 0));
        await Store(p, "p", Wire.Advertise("add", "invented"));
        await Store(q, "q", Wire.Advertise("add", "another"));
        await Store(peer, null, Wire.Advertise("add", "far"));
        Assert.Equal(["invented"], await Found("add"));
        var services = Census.Table("registry.services");
        Assert.Equal((4, 0), (services.Rejected, services.Evictions));
    }

    [Fact]
    public async Task A_nodes_own_record_that_is_refused_for_another_reason_displaces_nothing()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(q, "q", Wire.Advertise("add", "invented"));
        await Store(p, "p", Wire.Store("add", Wire.Record("p", 300, [0x81, 0xa1, 1, 0xc4, 200, .. new byte[200]])));

        Assert.Equal(["invented"], await Found("add"));
        Assert.Equal(["too_large 1"], Rejections());
        Assert.Equal(0, Census.Table("registry.services").Evictions);
    }
}
