using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;

namespace Macula.Actors.Tests.Gateway;

/// <summary>What a connection tells again to a concern that has restarted.</summary>
public sealed class StandingRequestsSpecs
{
    private readonly StandingRequests _standing = new();
    private readonly FakeSink _one = new(ActorRefs.Nobody);
    private readonly FakeSink _two = new(ActorRefs.Nobody);

    [Fact]
    public void The_end_of_a_stream_takes_what_was_asked_on_it_and_nothing_else()
    {
        _standing.Subscribed(_one, [Utf8Text.FromString("a")]);
        _standing.Subscribed(_two, [Utf8Text.FromString("a")]);
        Store(_one, "add");
        Store(_two, "sub");

        _standing.StreamEnded(_one);

        Assert.Same(_two, Assert.Single(_standing.Subscriptions).Subscriber);
        Assert.Equal(["sub"], Kept(_two));
        Assert.Single(_standing.Records);
    }

    [Fact]
    public void A_record_that_was_stored_again_on_another_stream_ends_with_that_one()
    {
        Store(_one, "add");
        Store(_one, "sub");
        Store(_two, "add");

        _standing.StreamEnded(_one);
        Assert.Equal(["add"], Kept(_two));
        _standing.StreamEnded(_two);
        Assert.Empty(_standing.Records);
    }

    [Fact]
    public void What_was_withdrawn_or_refused_can_be_stored_again_on_any_stream()
    {
        Store(_one, "add");
        Store(_one, "add", ttl: 0);
        Assert.Empty(_standing.Records);
        var old = Store(_one, "add");
        var record = Store(_one, "add");
        _standing.Refused(new RegistryProtocol.NotStored([(Key("add"), old)])); // replaced meanwhile
        Assert.Equal(["add"], Kept(_one));
        _standing.Refused(new RegistryProtocol.NotStored([(Key("add"), record)]));
        Assert.Empty(_standing.Records);

        Store(_two, "add");
        _standing.StreamEnded(_one);
        Assert.Equal(["add"], Kept(_two));
    }

    [Fact]
    public void A_refused_pattern_that_was_asked_for_again_stays()
    {
        IReadOnlyList<Utf8Text> patterns = [Utf8Text.FromString("a")];
        var first = _standing.Subscribed(_one, patterns);
        var second = _standing.Subscribed(_one, patterns);

        _standing.Refused(new PubSubProtocol.NotSubscribed(_one, patterns, first));
        Assert.Single(_standing.Subscriptions);
        _standing.Refused(new PubSubProtocol.NotSubscribed(_one, patterns, second));
        Assert.Empty(_standing.Subscriptions);
    }

    private static DhtKey Key(string procedure) => DhtKey.ForName(procedure);

    private RegistryProtocol.StoredRecord Store(FakeSink stream, string procedure, int ttl = 300)
    {
        var value = Wire.Record("p", ttl, [0x80]);
        Assert.True(ServiceRecord.TryDecode(value, out var record, out _));
        var stored = new RegistryProtocol.StoredRecord(record, value, TimeSpan.Zero);
        _standing.Stored(stream, Key(procedure), [stored]);
        return stored;
    }

    private IEnumerable<string> Kept(FakeSink stream) =>
        from each in _standing.Records
        where each.Stream == stream
        select new[] { "add", "sub" }.Single(name => Key(name).Equals(each.Key));
}
