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
    private readonly Dictionary<(DhtKey Key, NodeId Node), (IFrameSink Stream, RegistryProtocol.StoredRecord Record)>
        _records = [];
    private long _requests;

    public IEnumerable<PubSubProtocol.Resume> Subscriptions =>
        _patterns.Select(each => new PubSubProtocol.Resume(each.Key, [.. each.Value.Keys]));

    public IReadOnlyList<(IFrameSink Stream, DhtKey Key, RegistryProtocol.StoredRecord Record)> Records =>
        [.. _records.Select(each => (each.Value.Stream, each.Key.Key, each.Value.Record))];

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
            if (record.Record.Ttl == 0) _records.Remove((key, record.Record.NodeId));
            else _records[(key, record.Record.NodeId)] = (stream, record);
        }
    }

    public void Refused(RegistryProtocol.NotStored msg)
    {
        foreach (var (key, record) in msg.Records)
        {
            var place = (key, record.Record.NodeId);
            if (_records.TryGetValue(place, out var known) && ReferenceEquals(known.Record, record)) _records.Remove(place);
        }
    }

    public void StreamEnded(IFrameSink stream)
    {
        _patterns.Remove(stream);
        foreach (var (place, (of, _)) in _records)
            if (of == stream) _records.Remove(place);
    }
}
