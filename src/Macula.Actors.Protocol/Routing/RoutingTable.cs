namespace Macula.Actors.Protocol;

/// <summary>The nodes that one node knows, most of them near it: 256 buckets by distance, each
/// with room for a few.</summary>
/// <typeparam name="T">What is known of a node.</typeparam>
/// <remarks>A bucket is in the order in which its nodes were put last. A full one keeps what it
/// has, because nodes that have been there long tend to stay; only a node that its owner calls
/// stale gives way. The local node is never in it. Not safe for several threads.</remarks>
public sealed class RoutingTable<T>
{
    /// <summary>Nodes of a bucket by custom, and nodes of an answer.</summary>
    public const int DefaultBucketSize = 20;

    private const int Buckets = 8 * DhtKey.Length;

    private readonly Dictionary<NodeId, Entry> _nodes = [];
    private readonly List<Entry>?[] _buckets = new List<Entry>?[Buckets];
    private readonly DhtKey _local;
    private readonly NodeId _self;
    private readonly int _bucketSize;

    /// <param name="local">The node that the table belongs to.</param>
    /// <param name="bucketSize">Nodes of a bucket, from 1.</param>
    public RoutingTable(NodeId local, int bucketSize = DefaultBucketSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bucketSize, 1);
        _self = local;
        _local = DhtKey.ForNode(local);
        _bucketSize = bucketSize;
    }

    public int Count => _nodes.Count;

    /// <summary>Nodes that can be known at most.</summary>
    public int Limit => Buckets * _bucketSize;

    /// <summary>Adds a node, or replaces what is known of it. False if its bucket is full or it is
    /// the local node.</summary>
    public bool Put(NodeId node, T value) => Put(node, value, static _ => false, out _);

    /// <summary>As <see cref="Put(NodeId, T)"/>, but where the bucket is full, the node of it that
    /// was put the longest ago gives way if it is stale.</summary>
    /// <param name="node">Who.</param>
    /// <param name="value">What is known of it.</param>
    /// <param name="isStale">Asked about that one node.</param>
    /// <param name="replaced">The node that gave way, or default.</param>
    public bool Put(NodeId node, T value, Predicate<T> isStale, out NodeId replaced)
    {
        ArgumentNullException.ThrowIfNull(isStale);
        replaced = default;
        if (_nodes.TryGetValue(node, out var known))
        {
            known.Value = value;
            var own = _buckets[known.Bucket]!;
            own.Remove(known);
            own.Add(known);
            return true;
        }

        var key = DhtKey.ForNode(node);
        var index = _local.DistanceTo(key).BucketIndex;
        if (index == Buckets || node == _self) return false;

        var bucket = _buckets[index] ??= [];
        if (bucket.Count == _bucketSize)
        {
            if (!isStale(bucket[0].Value)) return false;

            replaced = bucket[0].Node;
            Remove(replaced);
        }

        var entry = new Entry(node, key, index, value);
        bucket.Add(entry);
        _nodes.Add(node, entry);
        return true;
    }

    public bool Remove(NodeId node)
    {
        if (!_nodes.Remove(node, out var entry)) return false;

        _buckets[entry.Bucket]!.Remove(entry);
        return true;
    }

    public bool TryGet(NodeId node, out T value)
    {
        value = _nodes.TryGetValue(node, out var entry) ? entry.Value : default!;
        return entry is not null;
    }

    /// <summary>The nodes closest to a place, closest first.</summary>
    /// <remarks>All nodes of one bucket are closer to the place than all of another, and which
    /// bucket comes first is written in the distance of the place to the local node: where a bit of
    /// it is set, the bucket of that bit comes before those that are nearer to the local node, else
    /// after them. So buckets are met in the order of the answer, and no more than one is sorted at
    /// a time.</remarks>
    /// <param name="target">The place.</param>
    /// <param name="count">How many at most, from 0.</param>
    public IReadOnlyList<KeyValuePair<NodeId, T>> Closest(DhtKey target, int count)
    {
        List<KeyValuePair<NodeId, T>> found = [];
        var distance = _local.DistanceTo(target);
        for (var at = 0; at < Buckets && found.Count < count; at++)
            if (distance.HasBit(at)) Take(_buckets[at]);
        for (var at = Buckets - 1; at >= 0 && found.Count < count; at--)
            if (!distance.HasBit(at)) Take(_buckets[at]);
        return found;

        void Take(List<Entry>? bucket)
        {
            if (bucket is null or []) return;
            found.AddRange(bucket
                .OrderBy(entry => entry.Key.DistanceTo(target))
                .Take(count - found.Count)
                .Select(entry => KeyValuePair.Create(entry.Node, entry.Value)));
        }
    }

    /// <summary>All nodes, bucket by bucket from the farthest; in a bucket, what was put the longest
    /// ago comes first.</summary>
    public IEnumerable<KeyValuePair<NodeId, T>> All() =>
        from bucket in _buckets
        where bucket is not null
        from entry in bucket
        select KeyValuePair.Create(entry.Node, entry.Value);

    private sealed class Entry(NodeId node, DhtKey key, int bucket, T value)
    {
        public NodeId Node { get; } = node;

        public DhtKey Key { get; } = key;

        public int Bucket { get; } = bucket;

        public T Value { get; set; } = value;
    }
}
