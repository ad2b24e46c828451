using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

/// <summary>A client or mesh peer has a share of the bytes: two large values here.</summary>
public sealed class StoredBytesSpecs(ITestOutputHelper log)
    : RegistryKit(log, Options with { MaxStoredBytesPerClient = 400 })
{
    [Fact]
    public async Task A_client_has_its_share_of_the_bytes_and_leaves_the_others_theirs()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        foreach (var name in (string[])["1", "2", "3"]) await Store(p, "p", Large(name, "p"));
        Assert.Equal(["per_client 1"], Rejections("registry.bytes"));
        Assert.Equal(DhtKey.ForName("3"), await RefusedKey(p));

        foreach (var name in (string[])["4", "5"]) await Store(q, "q", Large(name, "q"));
        await Store(p, "p", Large("1", "p")); // renewing needs no room
        Assert.Equal(["per_client 1"], Rejections("registry.bytes"));
        Assert.Equal(4, Census.Size("registry.services"));
    }

    [Fact]
    public async Task What_was_withdrawn_or_made_smaller_or_has_ended_is_no_longer_in_a_share()
    {
        var p = await Connect("p");
        var second = new FakeSink(p.Connection);
        await Store(p, "p", Large("1", "p"));
        await Store(second, "p", Large("2", "p"));

        await Store(p, "p", Wire.Advertise("1", "p", ttl: 0));
        await Store(p, "p", Large("3", "p"));
        await Tell(new StreamEnded(second));
        await Store(p, "p", Large("4", "p"));
        await Store(p, "p", Wire.Advertise("4", "p"));
        await Store(p, "p", Wire.Advertise("5", "p"));
        Assert.Empty(Rejections("registry.bytes"));

        await Store(p, "p", Large("4", "p")); // what it grows by has no room
        Assert.Equal(["per_client 1"], Rejections("registry.bytes"));
        await this.End(p.Connection);
        await this.Eventually(() => Census.Tables.All(table => table.Size == 0));
    }

    [Fact]
    public async Task What_a_node_takes_is_in_its_share_and_no_longer_in_that_of_the_one_who_had_it()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        foreach (var name in (string[])["1", "2"]) await Store(q, "q", Large(name, "p"));
        await Store(p, "p", Large("1", "p"));
        await Store(q, "q", Large("3", "q"));
        await Store(p, "p", Large("2", "p"));
        Assert.Empty(Rejections("registry.bytes"));

        await Store(p, "p", Large("4", "p"));
        Assert.Equal(["per_client 1"], Rejections("registry.bytes"));
    }

    [Fact]
    public async Task A_mesh_peer_has_the_share_of_a_client_on_all_its_streams_together()
    {
        var peer = new FakeSink(CreateTestProbe());
        foreach (var name in (string[])["1", "2", "3"])
            await Store(new FakeSink(peer.Connection), null, Large(name, "far"));

        Assert.Equal(["per_client 1"], Rejections("registry.bytes"));
        Assert.Equal(2, Census.Size("registry.services"));
    }

    private static StoreMessage Large(string name, string node) =>
        Wire.Store(name, Wire.Record(node, 300, [0x81, 0xa1, 1, 0xc4, 120, .. new byte[120]]));
}
