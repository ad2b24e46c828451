using Macula.Actors.Protocol;

namespace Macula.Actors.PubSub;

/// <summary>The last retained message of each topic, found by pattern.</summary>
/// <remarks>
/// A trie of topics, walked by the pattern: a literal segment is one look-up, <c>*</c> meets all segments at its place,
/// <c>**</c> all that is below. Each place is met once per pattern, however many <c>**</c> that has, and what one
/// SUBSCRIBE may take is bounded. All messages live for the same time, so the order of setting is the order of expiry
/// too: setting, giving way and expiring are O(1). Not thread-safe.
/// </remarks>
internal sealed class RetainedMessages(PubSubOptions options)
{
    /// <summary>What a segment of a topic counts for: its place in the trie, shared with other topics or not.</summary>
    internal const int BytesPerSegment = 200;

    private readonly LinkedList<Message> _oldestFirst = [];
    private readonly List<Range> _segments = []; // of the pattern that is looked for
    private readonly List<List<int>> _positions = []; // by depth: the segments of the pattern that may come next
    private Node _root = new(null, []);
    private List<ReadOnlyMemory<byte>> _found = [];
    private TimeSpan _now;
    private int _maxSteps;
    private long _round;

    public int Count => _oldestFirst.Count;

    /// <summary>Bytes of the frames and of the places of their topics.</summary>
    public long Bytes { get; private set; }

    /// <summary>When the next one expires; null when none does.</summary>
    public TimeSpan? NextDue =>
        _oldestFirst.First is { } first && first.Value.Due < TimeSpan.MaxValue ? first.Value.Due : null;

    /// <summary>Comparisons that the last <see cref="TryMatch"/> took: its cost.</summary>
    internal int Steps { get; private set; }

    /// <summary>Places in the trie, the root not counted.</summary>
    internal int Nodes { get; private set; }

    /// <summary>Keeps a message in place of the one before; those that were set longest ago give way to it.</summary>
    /// <param name="frame">Kept as it is.</param>
    /// <param name="evicted">How many gave way.</param>
    /// <returns>False when it is larger than all may be together; the one before is gone then too.</returns>
    public bool TrySet(ReadOnlySpan<byte> topic, ReadOnlyMemory<byte> frame, TimeSpan now, out int evicted)
    {
        evicted = 0;
        var cost = Cost(topic, frame.Length);
        if (options.MaxRetained == 0 || cost > options.MaxRetainedBytes)
        {
            Clear(topic);
            return false;
        }

        var message = Place(topic);
        Bytes += cost - message.Cost;
        (message.Frame, message.Cost) = (frame, cost);
        message.Due = options.RetainedTtl > TimeSpan.Zero ? now + options.RetainedTtl : TimeSpan.MaxValue;
        _oldestFirst.AddLast(message.Order);
        while (Count > options.MaxRetained || Bytes > options.MaxRetainedBytes)
        {
            Remove(_oldestFirst.First!.Value);
            evicted++;
        }

        return true;
    }

    /// <returns>False when nothing was kept for the topic.</returns>
    public bool Clear(ReadOnlySpan<byte> topic)
    {
        Node? node = _root;
        foreach (var range in new Segments(topic))
            if ((node = node?.Find(topic[range])) is null) return false;

        if (node.Message is not { } message) return false;
        Remove(message);
        return true;
    }

    /// <returns>How many there were.</returns>
    public int ClearAll()
    {
        var count = Count;
        _oldestFirst.Clear();
        _root = new Node(null, []);
        (Bytes, Nodes) = (0, 0);
        return count;
    }

    /// <returns>How many had to go.</returns>
    public int Expire(TimeSpan now)
    {
        var count = 0;
        for (; _oldestFirst.First is { } first && first.Value.Due <= now; count++) Remove(first.Value);
        return count;
    }

    /// <summary>Adds to <paramref name="found"/> what a SUBSCRIBE gets: the frame of each message whose topic matches one
    /// of its patterns, once.</summary>
    /// <param name="maxSteps">Comparisons that looking for it may take.</param>
    /// <returns>False when there was more than it may get, or looking for it would take more steps.</returns>
    public bool TryMatch(
        IReadOnlyList<Utf8Text> patterns, TimeSpan now, int maxSteps, List<ReadOnlyMemory<byte>> found)
    {
        (_found, _now, _maxSteps, Steps) = (found, now, maxSteps, 0);
        _round++;
        foreach (var pattern in patterns)
        {
            _segments.Clear();
            foreach (var range in new Segments(pattern.Span)) _segments.Add(range);
            var start = Level(0);
            Reach(start, 0, pattern.Span);
            if (!Walk(_root, 0, pattern.Span)) return false;
        }

        return true;
    }

    private static int Cost(ReadOnlySpan<byte> topic, int frame) =>
        frame + topic.Length + ((topic.Count((byte)'.') + 1) * BytesPerSegment);

    // Until the first "**" there is one position, from then on every segment may be meant.
    private bool Walk(Node node, int depth, ReadOnlySpan<byte> pattern)
    {
        var positions = _positions[depth];
        if (positions[^1] == _segments.Count)
        {
            if (node.Message is { } message && !TryTake(message)) return false;
            if (positions.Count == 1) return true;
        }
        else if (positions.Count == 1)
        {
            var segment = pattern[_segments[positions[0]]];
            if (!segment.SequenceEqual("*"u8))
                return node.Find(segment) is not { } only || Step(only, depth, pattern);
        }

        if (node.Children is null) return true;
        foreach (var child in node.Children.Values)
            if (!Step(child, depth, pattern)) return false;
        return true;
    }

    private bool Step(Node child, int depth, ReadOnlySpan<byte> pattern)
    {
        var (from, to) = (_positions[depth], Level(depth + 1));
        Steps += from.Count;
        if (Steps > _maxSteps) return false;
        foreach (var position in from)
        {
            if (position == _segments.Count) continue;
            var segment = pattern[_segments[position]];
            if (segment.SequenceEqual("**"u8)) Reach(to, position, pattern);
            else if (segment.SequenceEqual("*"u8) || segment.SequenceEqual(child.Segment))
                Reach(to, position + 1, pattern);
        }

        return to.Count == 0 || Walk(child, depth + 1, pattern);
    }

    // A "**" may stand for nothing, so what comes after it is reached with it. Positions come in rising order: one that
    // is not above the last is there already.
    private void Reach(List<int> positions, int position, ReadOnlySpan<byte> pattern)
    {
        while (true)
        {
            if (positions.Count == 0 || position > positions[^1]) positions.Add(position);
            if (position == _segments.Count || !pattern[_segments[position]].SequenceEqual("**"u8)) return;
            position++;
        }
    }

    private List<int> Level(int depth)
    {
        if (_positions.Count == depth) _positions.Add([]);
        _positions[depth].Clear();
        return _positions[depth];
    }

    private bool TryTake(Message message)
    {
        if (message.Round == _round || message.Due <= _now) return true;
        if (_found.Count >= options.MaxRetainedPerSubscribe) return false;
        message.Round = _round;
        _found.Add(message.Frame);
        return true;
    }

    /// <returns>The message of the topic, made when there is none, and in no order.</returns>
    private Message Place(ReadOnlySpan<byte> topic)
    {
        var node = _root;
        foreach (var range in new Segments(topic))
        {
            if (node.Find(topic[range]) is not { } child)
            {
                child = node.Add(topic[range].ToArray());
                Nodes++;
            }

            node = child;
        }

        if (node.Message is { } known) _oldestFirst.Remove(known.Order);
        return node.Message ??= new Message(node);
    }

    // The only way out for one message.
    private void Remove(Message message)
    {
        _oldestFirst.Remove(message.Order);
        Bytes -= message.Cost;
        var node = message.Node;
        node.Message = null;
        while (node is { IsEmpty: true, Parent: { } parent })
        {
            parent.Remove(node);
            Nodes--;
            node = parent;
        }
    }

    private sealed class Message
    {
        public Message(Node node)
        {
            Node = node;
            Order = new LinkedListNode<Message>(this);
        }

        public Node Node { get; }

        public LinkedListNode<Message> Order { get; }

        public ReadOnlyMemory<byte> Frame { get; set; }

        public int Cost { get; set; }

        public TimeSpan Due { get; set; }

        /// <summary>The last search that found it.</summary>
        public long Round { get; set; }
    }

    private sealed class Node(Node? parent, byte[] segment)
    {
        public Node? Parent { get; } = parent;

        public byte[] Segment { get; } = segment;

        public Dictionary<byte[], Node>? Children { get; private set; }

        public Message? Message { get; set; }

        public bool IsEmpty => Message is null && Children is not { Count: > 0 };

        public Node? Find(ReadOnlySpan<byte> name) =>
            Children is not null
            && Children.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var node)
                ? node
                : null;

        public Node Add(byte[] name) =>
            (Children ??= new Dictionary<byte[], Node>(BytesComparer.Instance))[name] = new Node(this, name);

        public void Remove(Node child) => Children!.Remove(child.Segment);
    }
}
