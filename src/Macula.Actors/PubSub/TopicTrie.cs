using System.Runtime.InteropServices;

namespace Macula.Actors.PubSub;

/// <summary>Subscribers by topic pattern, indexed by segment. <c>*</c> stands for exactly one segment, <c>**</c> for
/// any number of them, none included; everything else is literal and compared byte by byte (docs/wire.md).</summary>
/// <remarks>Matching walks all patterns at once and meets each node at most once per segment, so its cost is bounded by
/// segments times nodes on the way, however many <c>**</c> a pattern has. How many that can be is known beforehand
/// (<see cref="WorstMatch"/>, docs/decisions/0009-what-a-match-may-cost.md). Not thread-safe.</remarks>
/// <param name="maxSegments">The most that a topic may have.</param>
public sealed class TopicTrie<T>(int maxSegments)
    where T : class
{
    // At the start and after each segment a match may meet a node that is, or is below, a "**".
    private readonly long _times = maxSegments + 1L;
    private readonly Node _root = new(null, []);
    private readonly List<Node> _active = [];
    private readonly List<Node> _next = [];
    private readonly HashSet<T> _seen = [];
    private long _mark;

    /// <summary>Pairs of pattern and subscriber.</summary>
    public int Count { get; private set; }

    /// <summary>Nodes, the root not counted; what memory is needed for.</summary>
    public int Nodes { get; private set; }

    /// <summary>Nodes that a match meets at most, whatever the topic; those that one without wildcards would meet, one
    /// more than the topic has segments, are not counted.</summary>
    public long WorstMatch => _root.Cost;

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

    /// <summary>By how much adding a pattern raises <see cref="WorstMatch"/> at most.</summary>
    public long CostOf(ReadOnlySpan<byte> pattern)
    {
        var (cost, times) = (0L, 0L);
        foreach (var range in new Segments(pattern))
        {
            if (pattern[range].SequenceEqual("**"u8)) times = _times;
            else if (pattern[range].SequenceEqual("*"u8)) times = Math.Max(times, 1);
            cost += times;
        }

        return cost;
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

        Recount(node, 0);
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
        var gone = 0L;
        while (node is { IsEmpty: true, Parent: { } parent })
        {
            parent.Remove(node);
            Nodes--;
            gone = node.Everywhere;
            node = parent;
        }

        Recount(node, -gone);
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

    /// <param name="node">Whose children have changed; those above it follow.</param>
    /// <param name="more">By how much what is everywhere below it has changed.</param>
    private void Recount(Node node, long more)
    {
        for (var at = node; at is not null; at = at.Parent)
        {
            var before = at.Recount();
            if (at.IsDoubleStar) more += _times * (at.Cost - before);
            if (at.Cost == before && more == 0) return;
            at.Everywhere += more;
            at.Parent?.OnRecounted(at, before);
        }
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
        private readonly bool _isAfterWildcard = parent?._isAfterWildcard == true || IsWildcard(segment);
        private readonly bool _isEverywhere = parent?._isEverywhere == true || segment.AsSpan().SequenceEqual("**"u8);
        private Dictionary<byte[], Node>? _literals;
        private CostBag _literalCosts; // above 0

        public Node? Parent { get; } = parent;

        public Node? Star { get; private set; }

        public Node? DoubleStar { get; private set; }

        public bool IsDoubleStar { get; } = segment.AsSpan().SequenceEqual("**"u8);

        public HashSet<T>? Subscribers { get; set; }

        public long Mark { get; set; }

        /// <summary>Nodes that a match meets here and below at most, each time that it comes here. Not those from the next
        /// <c>**</c> on where there is one above: they are met wherever it comes from, and counted once.</summary>
        public long Cost { get; private set; }

        /// <summary>What all <c>**</c> here and below cost, met at every segment.</summary>
        public long Everywhere { get; set; }

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
            if (child == Star)
            {
                Star = null;
            }
            else if (child == DoubleStar)
            {
                DoubleStar = null;
            }
            else
            {
                _literals!.Remove(child._segment);
                if (child.Cost > 0) _literalCosts.Remove(child.Cost);
            }
        }

        /// <returns>What it cost before.</returns>
        public long Recount()
        {
            var before = Cost;
            Cost = (_isAfterWildcard ? 1 : 0) + _literalCosts.Max + (Star?.Cost ?? 0)
                + (_isEverywhere ? 0 : DoubleStar?.Everywhere ?? 0);
            return before;
        }

        public void OnRecounted(Node child, long before)
        {
            if (child == Star || child == DoubleStar || child.Cost == before) return;
            if (before > 0) _literalCosts.Remove(before);
            if (child.Cost > 0) _literalCosts.Add(child.Cost);
        }

        private static bool IsWildcard(ReadOnlySpan<byte> name) => name.SequenceEqual("*"u8) || name.SequenceEqual("**"u8);

        private readonly byte[] _segment = segment;
    }
}
