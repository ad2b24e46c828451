using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;

namespace Macula.Actors.Gateway;

/// <summary>What a connection has asked the concerns to keep, and they have not refused: subscriptions and records. It is
/// told again to a concern that has restarted.</summary>
/// <remarks>Bounded by what the concerns keep for a client, and by the connection's credit for what they have yet to
/// answer. Not thread-safe: it belongs to the connection's actor.</remarks>
internal sealed class StandingRequests
{
    private readonly Dictionary<IFrameSink, Dictionary<Utf8Text, long>> _patterns = []; // with the newest request
    private readonly Dictionary<(DhtKey Key, NodeId Node), LinkedListNode<Kept>> _records = [];
    private readonly Dictionary<IFrameSink, LinkedList<Kept>> _streams = []; // those that have records
    private long _requests;

    public IEnumerable<PubSubProtocol.Resume> Subscriptions =>
        _patterns.Select(each => new PubSubProtocol.Resume(each.Key, [.. each.Value.Keys]));

    public IReadOnlyList<(IFrameSink Stream, DhtKey Key, RegistryProtocol.StoredRecord Record)> Records =>
        [.. _records.Values.Select(each => (each.Value.Stream, each.Value.Key, each.Value.Record))];

    /// <returns>The number of this request.</returns>
    public long Subscribed(IFrameSink stream, IReadOnlyList<Utf8Text> patterns)
    {
        if (!_patterns.TryGetValue(stream, out var known)) _patterns[stream] = known = [];
        _requests++;
        foreach (var pattern in patterns) known[pattern] = _requests;
        return _requests;
    }

    public void Unsubscribed(IFrameSink stream, IReadOnlyList<Utf8Text> patterns)
    {
        if (!_patterns.TryGetValue(stream, out var known)) return;
        foreach (var pattern in patterns) known.Remove(pattern);
        if (known.Count == 0) _patterns.Remove(stream);
    }

    // A pattern that was asked for again since then is that later request's.
    public void Refused(PubSubProtocol.NotSubscribed msg)
    {
        if (!_patterns.TryGetValue(msg.Subscriber, out var known)) return;
        foreach (var pattern in msg.Patterns)
            if (known.TryGetValue(pattern, out var request) && request == msg.Request) known.Remove(pattern);
        if (known.Count == 0) _patterns.Remove(msg.Subscriber);
    }

    /// <summary>A ttl of 0 withdraws.</summary>
    public void Stored(IFrameSink stream, DhtKey key, IReadOnlyList<RegistryProtocol.StoredRecord> records)
    {
        foreach (var record in records)
        {
            var place = (key, record.Record.NodeId);
            Remove(place);
            if (record.Record.Ttl == 0) continue;
            if (!_streams.TryGetValue(stream, out var kept)) _streams[stream] = kept = [];
            _records.Add(place, kept.AddLast(new Kept(stream, key, record)));
        }
    }

    public void Refused(RegistryProtocol.NotStored msg)
    {
        foreach (var (key, record) in msg.Records)
        {
            var place = (key, record.Record.NodeId);
            if (_records.TryGetValue(place, out var known) && ReferenceEquals(known.Value.Record, record)) Remove(place);
        }
    }

    /// <summary>Costs what was kept of this stream, whatever the client has on others.</summary>
    public void StreamEnded(IFrameSink stream)
    {
        _patterns.Remove(stream);
        if (!_streams.Remove(stream, out var all)) return;
        foreach (var kept in all) _records.Remove((kept.Key, kept.Record.Record.NodeId));
    }

    private void Remove((DhtKey Key, NodeId Node) place)
    {
        if (!_records.Remove(place, out var known)) return;
        var all = known.List!;
        all.Remove(known);
        if (all.Count == 0) _streams.Remove(known.Value.Stream);
    }

    private readonly record struct Kept(IFrameSink Stream, DhtKey Key, RegistryProtocol.StoredRecord Record);
}
