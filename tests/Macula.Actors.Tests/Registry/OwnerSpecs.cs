using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

/// <summary>A connection hears that a record of its is another's now, or gone: else it would keep it, and announce it again
/// after a restart.</summary>
public sealed class OwnerSpecs(ITestOutputHelper log) : RegistryKit(log)
{
    [Theory]
    [InlineData(300)]
    [InlineData(0)]
    public async Task Whoever_stored_a_record_for_another_node_is_told_when_that_node_takes_or_withdraws_it(int ttl)
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        await Store(q, "q", Wire.Advertise("add", "p", ttl: 10));
        await Store(p, "p", Wire.Advertise("add", "p", ttl));

        var (key, lost) = Assert.Single((await Probe(q).ExpectMsgAsync<NotStored>(SpecExtensions.Deadline)).Records);
        Assert.Equal((DhtKey.ForName("add"), 10), (key, lost.Record.Ttl)); // its own, not the one that replaced it
        Assert.False(Probe(p).HasMessages);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(0)]
    public async Task A_mesh_peer_is_told_when_another_takes_or_withdraws_its_record(int ttl)
    {
        var (one, other) = (new FakeSink(CreateTestProbe()), new FakeSink(CreateTestProbe()));
        await Store(one, null, Wire.Advertise("add", "far"));
        await Store(other, null, Wire.Advertise("add", "far", ttl));

        Assert.Equal(DhtKey.ForName("add"), await RefusedKey(one));
        Assert.False(Probe(other).HasMessages);
    }

    [Fact]
    public async Task Nobody_is_told_of_what_its_own_connection_replaced_or_withdrew_on_whatever_stream()
    {
        var p = await Connect("p");
        var second = new FakeSink(p.Connection);
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(second, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("add", "p", ttl: 0));

        Assert.False(Probe(p).HasMessages);
        Assert.Equal(0, Census.Size("registry.services"));
    }

    [Fact]
    public async Task Nobody_is_told_of_a_record_whose_connection_or_stream_has_ended()
    {
        var (p, q) = (await Connect("p"), await Connect("q"));
        var peer = new FakeSink(CreateTestProbe());
        await Store(q, "q", Wire.Advertise("add", "p"));
        await Tell(new StreamEnded(q));
        await Store(peer, null, Wire.Advertise("sub", "p"));
        await this.End(peer.Connection);
        await Store(p, "p", Wire.Advertise("add", "p"));
        await Store(p, "p", Wire.Advertise("sub", "p"));

        Assert.False(Probe(q).HasMessages);
        Assert.Equal(2, Census.Size("registry.services"));
    }
}
