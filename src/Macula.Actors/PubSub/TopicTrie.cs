using System.Runtime.InteropServices;

namespace Macula.Actors.PubSub;

/// <summary>Subscribers by topic pattern, indexed by segment. <c>*</c> stands for exactly one segment, <c>**</c> for
/// any number of them, none included; everything else is literal and compared byte by byte (docs/wire.md).</summary>
/// <remarks>Matching walks all patterns at once and meets each node at most once per segment, so its cost is bounded by
/// segments times nodes on the way, however many <c>**</c> a pattern has. Not thread-safe.</remarks>
public sealed class TopicTrie<T>
    where T : class
{
    private readonly Node _root = new(null, []);
    private readonly List<Node> _active = [];
    private readonly List<Node> _next = [];
    private readonly HashSet<T> _seen = [];
    private long _mark;

    /// <summary>Pairs of pattern and subscriber.</summary>
    public int Count { get; private set; }

    /// <summary>Nodes, the root not counted; what memory is needed for.</summary>
    public int Nodes { get; private set; }

    /// <summary>Nodes that the last <see cref="Match"/> met: its cost.</summary>
    internal int Visits { get; private set; }

    /// <summary>Nodes that adding this pattern would make.</summary>
    public int Missing(ReadOnlySpan<byte> pattern)
    {
        Node? node = _root;
        var missing = 0;
        foreach (var range in new Segments(pattern))
        {
            node = node?.Find(pattern[range]);
            if (node is null) missing++;
        }

        return missing;
    }

    /// <returns>False when the subscriber has this pattern already.</returns>
    public bool Add(ReadOnlySpan<byte> pattern, T subscriber)
    {
        var node = _root;
        foreach (var range in new Segments(pattern))
        {
            var segment = pattern[range];
            var child = node.Find(segment);
            if (child is null)
            {
                child = node.Add(segment.ToArray());
                Nodes++;
            }

            node = child;
        }

        if (!(node.Subscribers ??= []).Add(subscriber)) return false;
        Count++;
        return true;
    }

    /// <returns>False when the subscriber did not have this pattern.</returns>
    public bool Remove(ReadOnlySpan<byte> pattern, T subscriber)
    {
        Node? node = _root;
        foreach (var range in new Segments(pattern))
            if ((node = node?.Find(pattern[range])) is null) return false;

        if (node.Subscribers?.Remove(subscriber) != true) return false;
        Count--;
        while (node is { IsEmpty: true, Parent: { } parent })
        {
            parent.Remove(node);
            Nodes--;
            node = parent;
        }

        return true;
    }

    /// <summary>Adds to <paramref name="found"/> each subscriber that has a pattern for the topic, once.</summary>
    public void Match(ReadOnlySpan<byte> topic, List<T> found)
    {
        _active.Clear();
        Enter(_root, _active, ++_mark);
        Visits = _active.Count;
        foreach (var range in new Segments(topic))
        {
            var segment = topic[range];
            _next.Clear();
            _mark++;
            foreach (var node in CollectionsMarshal.AsSpan(_active))
            {
                if (node.IsDoubleStar) Enter(node, _next, _mark);
                if (node.FindLiteral(segment) is { } literal) Enter(literal, _next, _mark);
                if (node.Star is { } star) Enter(star, _next, _mark);
            }

            _active.Clear();
            _active.AddRange(_next);
            Visits += _active.Count;
            if (_active.Count == 0) return;
        }

        Collect(found);
    }

    // A node is entered together with the "**" below it, which may stand for nothing.
    private static void Enter(Node? node, List<Node> set, long mark)
    {
        for (; node is not null && node.Mark != mark; node = node.DoubleStar)
        {
            node.Mark = mark;
            set.Add(node);
        }
    }

    private void Collect(List<T> found)
    {
        var sources = 0;
        foreach (var node in _active)
            if (node.Subscribers is { Count: > 0 }) sources++;
        if (sources == 0) return;

        _seen.Clear();
        foreach (var node in _active)
        {
            if (node.Subscribers is null) continue;
            foreach (var subscriber in node.Subscribers)
                if (sources == 1 || _seen.Add(subscriber)) found.Add(subscriber);
        }

        _seen.Clear();
    }

    private sealed class Node(Node? parent, byte[] segment)
    {
        private Dictionary<byte[], Node>? _literals;

        public Node? Parent { get; } = parent;

        public Node? Star { get; private set; }

        public Node? DoubleStar { get; private set; }

        public bool IsDoubleStar { get; } = segment.AsSpan().SequenceEqual("**"u8);

        public HashSet<T>? Subscribers { get; set; }

        public long Mark { get; set; }

        public bool IsEmpty =>
            Subscribers is not { Count: > 0 } && Star is null && DoubleStar is null && _literals is not { Count: > 0 };

        public Node? Find(ReadOnlySpan<byte> name) =>
            name.SequenceEqual("*"u8) ? Star : name.SequenceEqual("**"u8) ? DoubleStar : FindLiteral(name);

        public Node? FindLiteral(ReadOnlySpan<byte> name) =>
            _literals is not null
            && _literals.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var node)
                ? node
                : null;

        public Node Add(byte[] name)
        {
            var child = new Node(this, name);
            if (name.AsSpan().SequenceEqual("*"u8)) Star = child;
            else if (child.IsDoubleStar) DoubleStar = child;
            else (_literals ??= new Dictionary<byte[], Node>(BytesComparer.Instance))[name] = child;
            return child;
        }

        public void Remove(Node child)
        {
            if (child == Star) Star = null;
            else if (child == DoubleStar) DoubleStar = null;
            else _literals!.Remove(child._segment);
        }

        private readonly byte[] _segment = segment;
    }
}
