using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using static Macula.Actors.PubSub.PubSubProtocol;

namespace Macula.Actors.Tests.Models;

/// <summary>Who wants what: the patterns of each stream as a set of texts, and the retained messages as a list, the
/// longest set first. Nothing is indexed.</summary>
internal sealed class PubSubModel : IModel
{
    private const int Connections = 3;
    private const int StreamsEach = 2;

    // How long what is over may still take memory.
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(1);

    private static readonly PubSubOptions Options = TestOptions.Defaults.PubSub with
    {
        MaxPatternsPerClient = 3,
        MaxPatterns = 7,
        MaxPatternNodes = 7,
        MaxPatternLength = 9,
        MaxSegments = 3,
        MaxDoubleStars = 1,
        MaxMatchCostPerClient = 13,
        MaxMatchCost = 14,
        MaxRetained = 3,
        MaxRetainedBytes = 1400,
        RetainedTtl = TimeSpan.FromSeconds(2),
        MaxRetainedPerSubscribe = 2,
    };

    private static readonly string[] Patterns =
    [
        "a", "b", "*", "**", "a.b", "a.*", "*.b", "a.**", "**.b", "*.*", "a.b.c", "a.*.c", "**.c", "a.**.c", "a..b", "",
        "a.a.a.a", "**.**", "aaaaaaaaaa",
    ];

    private static readonly string[] Topics = ["a", "b", "a.b", "b.b", "a.b.c", "a.c", "a..b", "", "a.*", "**"];

    private static readonly Dictionary<string, string[]> Segments =
        Patterns.Concat(Topics).Distinct().ToDictionary(text => text, text => text.Split('.'));

    private static readonly int[] Sizes = [10, 10, 10, 300, 700, 2000]; // of frames; the last is beyond all bounds

    private static readonly Retention[] Retentions =
        [Retention.None, Retention.Keep, Retention.Keep, Retention.Keep, Retention.Clear];

    /// <summary>Subscribe, unsubscribe, publish, a stream ends, a connection ends, crash, wait, memory, a queue
    /// fills or empties, announce again, subscribe late.</summary>
    public static readonly int[] Kinds = [12, 8, 16, 2, 1, 1, 8, 1, 1, 1, 1];

    private readonly ModelWorld _world;
    private readonly IBoundedTable _patterns;
    private readonly IBoundedTable _nodes;
    private readonly IBoundedTable _retained;
    private readonly IBoundedTable _retainedBytes;
    private readonly Told[] _connections;
    private readonly Stream[] _streams;
    private readonly List<Message> _kept = []; // for later subscribers
    private readonly SortedDictionary<string, long> _refused = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _notKept = new(StringComparer.Ordinal);
    private MemoryLevel _level;
    private Action _meanwhile = () => { };
    private TimeSpan _now;
    private long _evicted;
    private long _published;
    private long _delivered;
    private long _retainedSent;
    private long _retainedCut;
    private long _requests;

    public PubSubModel(TestKit kit)
    {
        _world = new ModelWorld(kit, (census, metrics) => PubSubActor.Props(Options, census, metrics), Announce);
        _patterns = _world.Census.Table("pubsub.patterns");
        _nodes = _world.Census.Table("pubsub.pattern_nodes");
        _retained = _world.Census.Table("pubsub.retained");
        _retainedBytes = _world.Census.Table("pubsub.retained_bytes");
        _connections = [.. Enumerable.Range(0, Connections).Select(_ => _world.Someone())];
        _streams =
        [
            .. Enumerable.Range(0, Connections * StreamsEach).Select(at => new Stream(_connections[at / StreamsEach])),
        ];
    }

    public void Take(Step step)
    {
        var stream = _streams[step.A % _streams.Length];
        string[] patterns = [.. Chosen(step.B, step.C)];
        switch (step.Kind)
        {
            case 0: Subscribe(stream, patterns); break;
            case 1: Unsubscribe(stream, patterns); break;
            case 2: Publish(step); break;
            case 3: EndStream(step.A % _streams.Length, step.B % 2 == 0); break;
            case 4: EndConnection(step.A % Connections); break;
            case 5: Crash(stream, Topics[step.B % Topics.Length]); break;
            case 6: Wait(TimeSpan.FromMilliseconds(step.B % 4 == 0 ? step.A % 3000 : step.A % 300)); break;
            case 7: Change((MemoryLevel)Math.Max(0, (step.A % 8) - 3)); break;
            case 8: stream.Sink.IsOpen = !stream.Sink.IsOpen; break;
            case 9: _world.Concern.Tell(Announcement(stream)); break;
            default: SubscribeLate(patterns); break;
        }

        Compare();
    }

    public void End()
    {
        for (var connection = 0; connection < Connections; connection++) EndConnection(connection);
        Wait(Options.RetainedTtl + Sweep);
        Compare();
        Assert.Equal((0, 0), (_patterns.Size, _nodes.Size));
        Assert.Equal((0, 0), (_retained.Size, _retainedBytes.Size));
    }

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Die();
        _world.Dispose();
    }

    private void Compare()
    {
        Assert.Equal(_streams.Sum(stream => stream.Patterns.Count), _patterns.Size);
        Assert.Equal(Places(), _nodes.Size);
        ModelCheck.Same(_refused, _patterns.Rejections);
        ModelCheck.Same(_notKept, _retained.Rejections);

        // What is over is found no longer, and counted until it is swept.
        Assert.InRange(_retained.Size, Live(_now).Count, Live(_now - Sweep).Count);
        Assert.InRange(_retainedBytes.Size, Live(_now).Sum(Cost), Live(_now - Sweep).Sum(Cost));
        Assert.Equal(_evicted, _retained.Evictions);

        _world.CompareBounds();
        Assert.Equal(0, _world.Credit.Frames);
        Assert.Equal(_published, _world.Meters.Total("macula.pubsub.published"));
        Assert.Equal(_delivered, _world.Meters.Total("macula.pubsub.delivered"));
        Assert.Equal(_retainedSent, _world.Meters.Total("macula.pubsub.retained_sent"));
        Assert.Equal(_retainedCut, _world.Meters.Total("macula.pubsub.retained_cut"));
        Assert.True(_streams.All(stream => stream.Sink.Frames.Count == 0));
        Assert.True(_connections.All(connection => connection.Messages.Count == 0));
    }

    private void Subscribe(Stream stream, string[] patterns)
    {
        List<string> refused = [];
        List<string> added = [];
        foreach (var pattern in patterns)
        {
            if (Refusal(stream, pattern) is { } reason)
            {
                refused.Add(pattern);
                Count(_refused, reason);
            }
            else if (stream.Patterns.Add(pattern))
            {
                added.Add(pattern);
            }
        }

        _world.Concern.Tell(new Subscribe(stream.Sink, Texts(patterns), ++_requests, _world.Lease()));
        if (stream.Told.Take() is NotSubscribed answer)
            Assert.Equal((_requests, string.Join(' ', refused)), (answer.Request, string.Join(' ', answer.Patterns)));
        else
            Assert.Empty(refused);
        SentRetained(stream, added);
    }

    private string? Refusal(Stream stream, string pattern)
    {
        var segments = Segments[pattern];
        if (pattern.Length > Options.MaxPatternLength || segments.Length > Options.MaxSegments
            || segments.Count(segment => segment == "**") > Options.MaxDoubleStars)
            return "invalid";
        if (stream.Patterns.Contains(pattern)) return null;
        var own = _streams.Where(each => each.Told == stream.Told).Sum(each => each.Patterns.Count);
        if (own == Options.MaxPatternsPerClient) return "per_client";
        var costs = _streams.Where(each => each.Told == stream.Told).Sum(each => each.Patterns.Sum(Cost));
        if (costs + Cost(pattern) > Options.MaxMatchCostPerClient) return "cost_per_client";
        if (_streams.Sum(each => each.Patterns.Count) == Options.MaxPatterns) return "full";
        if (Places(pattern) > Options.MaxPatternNodes) return "nodes";
        var all = _streams.SelectMany(each => each.Patterns).Append(pattern).Select(each => Segments[each]);
        return Worst([.. all], times: 0) > Options.MaxMatchCost ? "cost" : null;
    }

    private void SentRetained(Stream stream, List<string> added)
    {
        var frames = Take(stream);
        var wanted = Live(_now).FindAll(message => added.Exists(pattern => Matches(pattern, message.Topic)));
        var most = stream.Sink.IsOpen ? Math.Min(wanted.Count, Options.MaxRetainedPerSubscribe) : 0;
        Assert.Equal(most, frames.Count);
        Assert.Equal(most, frames.Distinct().Count());
        Assert.All(frames, frame => Assert.Contains(wanted, message => message.Frame.Equals(frame)));
        _retainedSent += most;
        if (most < wanted.Count) _retainedCut++;
    }

    private void Unsubscribe(Stream stream, string[] patterns)
    {
        _world.Concern.Tell(new Unsubscribe(stream.Sink, Texts(patterns), _world.Lease()));
        stream.Patterns.ExceptWith(patterns);
    }

    private void Publish(Step step)
    {
        var topic = Topics[step.A % Topics.Length];
        var size = Sizes[step.B % Sizes.Length];
        var retention = Retentions[step.C % Retentions.Length];
        var frame = Tell(topic, size, retention);
        Delivered(topic, frame);
        if (retention != Retention.None) Keep(new Message(topic, frame, _now + Options.RetainedTtl), retention);
    }

    private ReadOnlyMemory<byte> Tell(string topic, int size, Retention retention)
    {
        ReadOnlyMemory<byte> frame = new byte[size];
        _world.Concern.Tell(new Publish(topic, frame, FrameDelivery.Droppable, _world.Lease(), retention));
        return frame;
    }

    private void Delivered(string topic, ReadOnlyMemory<byte> frame)
    {
        _published++;
        foreach (var stream in _streams)
        {
            var wants = stream.Sink.IsOpen && stream.Patterns.Any(pattern => Matches(pattern, topic));
            ModelCheck.Same(wants ? [frame] : [], Take(stream));
            if (wants) _delivered++;
        }
    }

    private void Keep(Message message, Retention retention)
    {
        _kept.RemoveAll(each => each.Due <= _now);
        if (retention == Retention.Keep && _level >= MemoryLevel.DropCaches)
        {
            Count(_notKept, "memory_pressure");
            return;
        }

        _kept.RemoveAll(each => each.Topic == message.Topic);
        if (retention == Retention.Clear) return;
        if (Cost(message) > Options.MaxRetainedBytes)
        {
            Count(_notKept, "too_large");
            return;
        }

        _kept.Add(message);
        for (; _kept.Count > Options.MaxRetained || _kept.Sum(Cost) > Options.MaxRetainedBytes; _evicted++)
            _kept.RemoveAt(0);
    }

    // Perhaps told twice; the connection goes on, with another stream.
    private void EndStream(int at, bool twice)
    {
        var stream = _streams[at];
        _world.Concern.Tell(new StreamEnded(stream.Sink));
        if (twice) _world.Concern.Tell(new StreamEnded(stream.Sink));
        _streams[at] = new Stream(stream.Told);
    }

    private void EndConnection(int connection)
    {
        _connections[connection].Die();
        _connections[connection] = _world.Someone();
        for (var stream = 0; stream < StreamsEach; stream++)
            _streams[(connection * StreamsEach) + stream] = new Stream(_connections[connection]);
    }

    // While connections announce themselves, a stream ends and a message is published: both wait.
    private void Crash(Stream stream, string topic)
    {
        ReadOnlyMemory<byte> frame = default;
        _meanwhile = () =>
        {
            _world.Concern.Tell(new StreamEnded(stream.Sink));
            frame = Tell(topic, 10, Retention.None);
        };
        _world.Concern.Tell(Poison.For("pubsub"));
        stream.Patterns.Clear();
        Delivered(topic, frame);
        _kept.Clear();
    }

    private void Announce(IActorRef pubSub)
    {
        foreach (var stream in _streams) pubSub.Tell(Announcement(stream));
        pubSub.Tell(new MemoryProtocol.LevelChanged(_level));
        _meanwhile();
    }

    private static Resume Announcement(Stream stream) => new(stream.Sink, Texts([.. stream.Patterns]));

    private void Wait(TimeSpan time)
    {
        _now += time;
        _world.Advance(time);
    }

    private void Change(MemoryLevel level)
    {
        if (level >= MemoryLevel.DropCaches)
        {
            _evicted += _retained.Size;
            _kept.Clear();
        }

        _level = level;
        _world.Concern.Tell(new MemoryProtocol.LevelChanged(level));
    }

    // Its connection has ended before it is heard: what it asks for is taken, or refused, and gone at once.
    private void SubscribeLate(string[] patterns)
    {
        var connection = _world.Someone();
        connection.Die();
        var late = new Stream(connection);
        late.Sink.IsOpen = false;
        foreach (var pattern in patterns.Distinct())
        {
            _world.Concern.Tell(new Subscribe(late.Sink, Texts([pattern]), 0, _world.Lease()));
            if (Refusal(late, pattern) is { } reason) Count(_refused, reason);
            else if (Live(_now).Exists(message => Matches(pattern, message.Topic))) _retainedCut++; // it takes nothing
        }
    }

    private List<Message> Live(TimeSpan now) => _kept.FindAll(message => message.Due > now);

    /// <summary>Different beginnings of all patterns, and of one more: what a trie has nodes for.</summary>
    private int Places(params string[] more) => _streams.SelectMany(stream => stream.Patterns).Concat(more)
        .Distinct().Select(pattern => Segments[pattern])
        .SelectMany(segments => segments.Select((_, at) => string.Join('.', segments, 0, at + 1) + "."))
        .Distinct().Count();

    private static int Cost(string pattern) => Worst([Segments[pattern]], times: 0);

    /// <summary>What these patterns cost a match at worst: a place after a <c>**</c> is met at the start and after each
    /// segment, one after a <c>*</c> once. There is one <c>**</c> in a pattern.</summary>
    private static int Worst(string[][] patterns, int times)
    {
        var next = patterns.Where(rest => rest.Length > 0)
            .GroupBy(rest => rest[0], rest => rest[1..]).ToDictionary(rest => rest.Key, rest => rest.ToArray());
        return times
            + next.Where(rest => rest.Key is not ("*" or "**")).Select(rest => Worst(rest.Value, times))
                .DefaultIfEmpty().Max()
            + (next.TryGetValue("*", out var one) ? Worst(one, Math.Max(times, 1)) : 0)
            + (next.TryGetValue("**", out var any) ? Worst(any, Options.MaxSegments + 1) : 0);
    }

    private static int Cost(Message message) =>
        message.Frame.Length + message.Topic.Length
        + (Segments[message.Topic].Length * RetainedMessages.BytesPerSegment);

    private static List<ReadOnlyMemory<byte>> Take(Stream stream)
    {
        List<ReadOnlyMemory<byte>> frames = [.. stream.Sink.Frames];
        stream.Sink.Frames.Clear();
        return frames;
    }

    private static IEnumerable<string> Chosen(int one, int other)
    {
        yield return Patterns[one % Patterns.Length];
        if (one % 3 == 0) yield return Patterns[other % Patterns.Length];
    }

    private static Utf8Text[] Texts(string[] texts) => [.. texts.Select(Utf8Text.FromString)];

    private static void Count(SortedDictionary<string, long> counts, string reason) =>
        counts[reason] = counts.GetValueOrDefault(reason) + 1;

    private static bool Matches(string pattern, string topic) => Matches(Segments[pattern], Segments[topic]);

    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> topic) => pattern switch
    {
        [] => topic.IsEmpty,
        ["**", .. var rest] => Matches(rest, topic) || (!topic.IsEmpty && Matches(pattern, topic[1..])),
        [var segment, .. var rest] =>
            !topic.IsEmpty && (segment == "*" || segment == topic[0]) && Matches(rest, topic[1..]),
    };

    private sealed record Message(string Topic, ReadOnlyMemory<byte> Frame, TimeSpan Due);

    private sealed class Stream(Told connection)
    {
        public Told Told { get; } = connection;

        public ModelSink Sink { get; } = new(connection);

        public HashSet<string> Patterns { get; } = new(StringComparer.Ordinal);
    }
}
