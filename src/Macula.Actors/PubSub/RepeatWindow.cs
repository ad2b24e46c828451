using Macula.Actors.Bounded;
using Macula.Actors.Protocol;

namespace Macula.Actors.PubSub;

/// <summary>Which QoS 1 messages a client has sent lately on each of its streams, so that a repeat is known as one.
/// </summary>
/// <remarks>Ids live for the same time, so the oldest is the next to go, be it for time or for room. Each operation
/// costs O(1) and what it removes. It belongs to the connection's actor, with which it goes (<see cref="Clear"/>); the
/// table counts the ids of all clients.</remarks>
internal sealed class RepeatWindow(PubSubOptions options, BoundedTable table)
{
    private readonly Dictionary<long, Dictionary<MessageId, LinkedListNode<Sent>>> _streams = [];
    private readonly LinkedList<Sent> _oldestFirst = [];

    /// <summary>Ids that are remembered.</summary>
    public int Count => _oldestFirst.Count;

    /// <summary>Whether a message is new, which is remembered.</summary>
    /// <returns>False for a repeat. True for a message without an id, and when there is no room to remember any: then
    /// it may come twice.</returns>
    public bool Admits(long stream, MessageId id, TimeSpan now)
    {
        if (id.IsEmpty || options.MaxDedupeIdsPerClient == 0) return true;
        Expire(now);
        if (_streams.TryGetValue(stream, out var ids) && ids.ContainsKey(id)) return false;

        if (Count >= options.MaxDedupeIdsPerClient)
        {
            Remove(_oldestFirst.First!.Value);
            table.Evicted();
        }

        if (!table.TryAdd()) return true;
        if (ids is null || ids.Count == 0) _streams[stream] = ids ??= [];
        ids[id] = _oldestFirst.AddLast(new Sent(stream, id, now + options.DedupeWindow));
        return true;
    }

    /// <summary>Forgets what is older than the window.</summary>
    public void Expire(TimeSpan now)
    {
        var count = 0;
        for (; _oldestFirst.First is { } first && first.Value.Due <= now; count++) Remove(first.Value);
        if (count > 0) table.Expired(count);
    }

    public void StreamEnded(long stream)
    {
        if (!_streams.Remove(stream, out var ids)) return;
        foreach (var sent in ids.Values)
        {
            _oldestFirst.Remove(sent);
            table.Remove();
        }
    }

    /// <summary>The client has gone.</summary>
    public void Clear()
    {
        foreach (var stream in _streams.Keys) StreamEnded(stream);
    }

    private void Remove(Sent sent)
    {
        var ids = _streams[sent.Stream];
        ids.Remove(sent.Id, out var place);
        if (ids.Count == 0) _streams.Remove(sent.Stream);
        _oldestFirst.Remove(place!);
        table.Remove();
    }

    private readonly record struct Sent(long Stream, MessageId Id, TimeSpan Due);
}
