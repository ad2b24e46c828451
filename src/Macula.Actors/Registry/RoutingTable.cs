using Macula.Actors.Protocol;

namespace Macula.Actors.Registry;

/// <summary>The nodes that are known, by XOR distance from this one (Kademlia): 256 buckets of at most
/// <c>k</c> nodes each, so that it is bounded by its shape. Not thread-safe.</summary>
/// <remarks>A full bucket ignores new nodes; a node leaves when its connection ends.</remarks>
public sealed class RoutingTable<T>(DhtKey self, int k = 20)
{
    private const int Bits = 256;

    private readonly List<Entry>[] _buckets = [.. Enumerable.Range(0, Bits).Select(_ => new List<Entry>())];

    /// <summary>Nodes now.</summary>
    public int Count { get; private set; }

    /// <summary>The most nodes that there can be.</summary>
    public int Limit => Bits * k;

    /// <summary>Adds a node or brings its data up to date.</summary>
    /// <returns>False when the node is this one, or its bucket is full.</returns>
    public bool Add(NodeId node, T data)
    {
        var place = DhtKey.ForNode(node);
        if (place == self) return false;
        var bucket = Bucket(place);
        var at = bucket.FindIndex(entry => entry.Node == node);
        if (at >= 0) bucket.RemoveAt(at);
        else if (bucket.Count >= k) return false;
        else Count++;
        bucket.Add(new Entry(node, place, data));
        return true;
    }

    public bool Remove(NodeId node)
    {
        var place = DhtKey.ForNode(node);
        if (place == self) return false;
        var removed = Bucket(place).RemoveAll(entry => entry.Node == node) > 0;
        if (removed) Count--;
        return removed;
    }

    /// <summary>Up to <paramref name="count"/> nodes, the closest to the target first.</summary>
    /// <remarks>Looks only at the buckets that can hold the answer: the target's own, then all nearer to this node,
    /// which are one distance class for the target, then outwards one at a time.</remarks>
    public IReadOnlyList<(NodeId Node, T Data)> Closest(DhtKey target, int count)
    {
        List<(NodeId, T)> found = [];
        var own = Math.Min(target.DistanceTo(self).BucketIndex, Bits);
        if (own < Bits) Take(_buckets[own], target, count, found);
        if (found.Count < count && own < Bits)
            Take(_buckets.Skip(own + 1).SelectMany(bucket => bucket), target, count, found);
        for (var at = own - 1; at >= 0 && found.Count < count; at--) Take(_buckets[at], target, count, found);
        return found;
    }

    private static void Take(IEnumerable<Entry> group, DhtKey target, int count, List<(NodeId, T)> found) =>
        found.AddRange(group
            .OrderBy(entry => entry.Place.DistanceTo(target))
            .Take(count - found.Count)
            .Select(entry => (entry.Node, entry.Data)));

    private List<Entry> Bucket(DhtKey place) => _buckets[Math.Min(place.DistanceTo(self).BucketIndex, Bits - 1)];

    private sealed record Entry(NodeId Node, DhtKey Place, T Data);
}
