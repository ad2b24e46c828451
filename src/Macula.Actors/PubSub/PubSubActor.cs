using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.PubSub.PubSubProtocol;

namespace Macula.Actors.PubSub;

/// <summary>Who wants which topics; sends each message once to each stream that does.</summary>
/// <remarks>Between any two messages: a pattern is in the trie exactly if it is in its subscriber's set; each
/// connection with a subscriber is watched. <see cref="Remove"/> is the only way out for a subscriber.</remarks>
public sealed class PubSubActor : ConcernActor
{
    private readonly TopicTrie<Subscriber> _trie = new();
    private readonly Dictionary<IFrameSink, Subscriber> _subscribers = [];
    private readonly Dictionary<IActorRef, List<Subscriber>> _connections = [];
    private readonly List<Subscriber> _receivers = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly LogThrottle _refusals = new(TimeSpan.FromSeconds(1));
    private readonly PubSubOptions _options;
    private readonly GatewayMetrics _metrics;
    private readonly BoundedTable _patternTable;
    private readonly BoundedTable _nodeTable;

    public static Props Props(PubSubOptions options, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new PubSubActor(options, census, metrics));

    public PubSubActor(PubSubOptions options, TableCensus census, GatewayMetrics metrics)
    {
        (_options, _metrics) = (options, metrics);
        _patternTable = census.Add("pubsub.patterns", options.MaxPatterns);
        _nodeTable = census.Add("pubsub.pattern_nodes", options.MaxPatternNodes);

        Working();
    }

    protected override void Working()
    {
        ReceiveLeased<Publish>(OnPublish);
        ReceiveLeased<Subscribe>(OnSubscribe);
        ReceiveLeased<Unsubscribe>(OnUnsubscribe);
        Receive<StreamEnded>(msg => OnStreamEnded(msg.Subscriber));
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
    }

    // The end of a stream waits for what was said on it before.
    protected override void Recovering()
    {
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
    }

    private void OnPublish(Publish msg)
    {
        _receivers.Clear();
        _trie.Match(msg.Topic.Span, _receivers);
        foreach (var receiver in _receivers) receiver.Stream.TrySend(msg.Frame, msg.Delivery);
        _metrics.Published(_receivers.Count);
    }

    private void OnSubscribe(Subscribe msg)
    {
        if (Add(msg.Subscriber, msg.Patterns) is { } refused)
            msg.Subscriber.Connection.Tell(new NotSubscribed(msg.Subscriber, refused, msg.Request));
    }

    private void OnResume(Resume msg) => Add(msg.Subscriber, msg.Patterns);

    /// <returns>The patterns that were refused, or null.</returns>
    private List<Utf8Text>? Add(IFrameSink stream, IReadOnlyList<Utf8Text> patterns)
    {
        List<Utf8Text>? refused = null;
        foreach (var pattern in patterns)
        {
            if (Fault(stream, pattern) is { } fault)
            {
                (refused ??= []).Add(pattern);
                _patternTable.Reject();
                if (_refusals.Admits(Context.System.Scheduler.Elapsed(), out var suppressed))
                    _log.Warning("Subscription refused: {Fault} ({Suppressed} more not logged)", fault, suppressed);
                continue;
            }

            var subscriber = GetOrAdd(stream);
            if (subscriber.Patterns.Add(pattern)) _trie.Add(pattern.Span, subscriber);
        }

        Count();
        return refused;
    }

    private string? Fault(IFrameSink stream, Utf8Text pattern)
    {
        var text = pattern.Span;
        if (_options.PatternFault(text) is { } fault) return fault;
        if (_subscribers.TryGetValue(stream, out var known) && known.Patterns.Contains(pattern)) return null;
        var ofClient = _connections.GetValueOrDefault(stream.Connection)?.Sum(each => each.Patterns.Count) ?? 0;
        if (ofClient >= _options.MaxPatternsPerClient)
            return $"the client has max-patterns-per-client {_options.MaxPatternsPerClient} already";
        if (_trie.Count >= _options.MaxPatterns)
            return $"the node has max-patterns {_options.MaxPatterns} already";
        return _trie.Nodes + _trie.Missing(text) > _options.MaxPatternNodes
            ? $"the node has max-pattern-nodes {_options.MaxPatternNodes} already"
            : null;
    }

    private void OnUnsubscribe(Unsubscribe msg)
    {
        if (!_subscribers.TryGetValue(msg.Subscriber, out var subscriber)) return;
        foreach (var pattern in msg.Patterns)
            if (subscriber.Patterns.Remove(pattern)) _trie.Remove(pattern.Span, subscriber);
        if (subscriber.Patterns.Count == 0) OnStreamEnded(msg.Subscriber);
        Count();
    }

    private void OnStreamEnded(IFrameSink stream)
    {
        if (!_subscribers.TryGetValue(stream, out var subscriber)) return;
        var siblings = _connections[stream.Connection];
        siblings.Remove(subscriber);
        if (siblings.Count == 0)
        {
            _connections.Remove(stream.Connection);
            Context.Unwatch(stream.Connection);
        }

        Remove(subscriber);
    }

    private void OnTerminated(IActorRef connection)
    {
        if (!_connections.Remove(connection, out var subscribers)) return;
        foreach (var subscriber in subscribers) Remove(subscriber);
    }

    private Subscriber GetOrAdd(IFrameSink stream)
    {
        if (_subscribers.TryGetValue(stream, out var known)) return known;
        var subscriber = new Subscriber(stream);
        _subscribers[stream] = subscriber;
        if (!_connections.TryGetValue(stream.Connection, out var siblings))
        {
            _connections[stream.Connection] = siblings = [];
            Context.Watch(stream.Connection);
        }

        siblings.Add(subscriber);
        return subscriber;
    }

    private void Remove(Subscriber subscriber)
    {
        foreach (var pattern in subscriber.Patterns) _trie.Remove(pattern.Span, subscriber);
        _subscribers.Remove(subscriber.Stream);
        Count();
    }

    private void Count()
    {
        _patternTable.Set(_trie.Count);
        _nodeTable.Set(_trie.Nodes);
    }

    private sealed class Subscriber(IFrameSink stream)
    {
        public IFrameSink Stream { get; } = stream;

        public HashSet<Utf8Text> Patterns { get; } = [];
    }
}
