using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using static Macula.Actors.PubSub.PubSubProtocol;

namespace Macula.Actors.PubSub;

/// <summary>Who wants which topics; sends each message once to each stream that does, and keeps the last retained one
/// of each topic for those who subscribe later.</summary>
/// <remarks>Each connection with subscriptions is watched, once, and so is one that has just taken steps. A
/// restart brings the subscriptions back and loses what was retained: nobody but this actor has it.</remarks>
public sealed class PubSubActor : ConcernActor
{
    // Expired messages are never sent, swept or not; this is about memory.
    private static readonly TimeSpan ShortestSweep = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestSweep = TimeSpan.FromHours(1);

    private readonly List<Utf8Text> _added = [];
    private readonly List<ReadOnlyMemory<byte>> _found = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly LogThrottle _refusals = new(TimeSpan.FromSeconds(1));
    private readonly LogThrottle _cuts = new(TimeSpan.FromSeconds(1));
    private readonly PubSubOptions _options;
    private readonly GatewayMetrics _metrics;
    private readonly Subscriptions _subscriptions;
    private readonly RetainedMessages _retained;
    private readonly StepAllowances _steps;
    private readonly BoundedTable _patternTable;
    private readonly BoundedTable _nodeTable;
    private readonly BoundedTable _retainedTable;
    private readonly BoundedTable _retainedBytes;
    private bool _isShort; // of memory

    public static Props Props(PubSubOptions options, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new PubSubActor(options, census, metrics));

    public PubSubActor(PubSubOptions options, TableCensus census, GatewayMetrics metrics)
    {
        (_options, _metrics) = (options, metrics);
        _subscriptions = new Subscriptions(options);
        _retained = new RetainedMessages(options);
        _steps = new StepAllowances(options.MaxRetainedSteps);
        _patternTable = census.Add("pubsub.patterns", options.MaxPatterns);
        _nodeTable = census.Add("pubsub.pattern_nodes", options.MaxPatternNodes);
        _retainedTable = census.Add("pubsub.retained", options.MaxRetained);
        _retainedBytes = census.Add("pubsub.retained_bytes", options.MaxRetainedBytes);

        Working();
    }

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void Working()
    {
        ReceiveLeased<Publish>(OnPublish);
        ReceiveLeased<Subscribe>(OnSubscribe);
        ReceiveLeased<Unsubscribe>(OnUnsubscribe);
        Receive<StreamEnded>(OnStreamEnded);
        Receive<Tick>(tick => tick == Tick.Sweep, _ => OnSweep());
        Receive<Tick>(_ => OnRefill());
        Always();
    }

    // The end of a stream waits for what was said on it before.
    protected override void Recovering() => Always();

    private void Always()
    {
        Receive<Resume>(msg => Add(msg.Subscriber, msg.Patterns));
        Receive<MemoryProtocol.LevelChanged>(OnLevelChanged);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
    }

    private void OnPublish(Publish msg)
    {
        _metrics.Published(_subscriptions.Send(msg.Topic.Span, msg.Frame, msg.Delivery));
        if (msg.Retention != Retention.None) Retain(msg);
    }

    private void OnSubscribe(Subscribe msg)
    {
        if (Add(msg.Subscriber, msg.Patterns) is { } refused)
            msg.Subscriber.Connection.Tell(new NotSubscribed(msg.Subscriber, refused, msg.Request));
        if (_added.Count > 0 && _retained.Count > 0) SendRetained(msg.Subscriber);
    }

    /// <summary>Leaves the new ones in <see cref="_added"/>.</summary>
    /// <returns>The patterns that were refused, or null.</returns>
    private List<Utf8Text>? Add(IFrameSink stream, IReadOnlyList<Utf8Text> patterns)
    {
        _added.Clear();
        List<Utf8Text>? refused = null;
        var watched = IsKnown(stream.Connection);
        foreach (var pattern in patterns)
        {
            if (_subscriptions.Add(stream, pattern, out var isNew) is { } refusal)
            {
                (refused ??= []).Add(pattern);
                _patternTable.Reject(refusal.Reason);
                if (_refusals.Admits(Now, out var suppressed))
                    _log.Warning(
                        "Subscription refused: {Fault} ({Suppressed} more not logged)", refusal.Sentence, suppressed);
            }
            else if (isNew)
            {
                _added.Add(pattern);
            }
        }

        WatchOrNot(stream.Connection, watched);
        CountPatterns();
        return refused;
    }

    private void OnUnsubscribe(Unsubscribe msg)
    {
        var watched = IsKnown(msg.Subscriber.Connection);
        foreach (var pattern in msg.Patterns) _subscriptions.Remove(msg.Subscriber, pattern);
        WatchOrNot(msg.Subscriber.Connection, watched);
        CountPatterns();
    }

    private void OnStreamEnded(StreamEnded msg)
    {
        var watched = IsKnown(msg.Subscriber.Connection);
        _subscriptions.Remove(msg.Subscriber);
        WatchOrNot(msg.Subscriber.Connection, watched);
        CountPatterns();
    }

    private void OnTerminated(IActorRef connection)
    {
        _subscriptions.Remove(connection);
        _steps.Remove(connection);
        CountPatterns();
    }

    private void Retain(Publish msg)
    {
        Expire(); // or what is over would count as having given way
        if (msg.Retention == Retention.Clear) _retained.Clear(msg.Topic.Span);
        else if (_isShort) _retainedTable.Reject("memory_pressure");
        else if (_retained.TrySet(msg.Topic.Span, msg.Frame, Now, out var evicted)) _retainedTable.Evicted(evicted);
        else if (_options.MaxRetained > 0) _retainedTable.Reject("too_large");
        CountRetained();
        SweepLater();
    }

    // They take nobody's place in the queue, and cannot make the subscriber a slow consumer.
    private void SendRetained(IFrameSink stream)
    {
        var (client, now) = (stream.Connection, Now);
        var left = _steps.Left(client, now);
        var isWhole = _retained.TryMatch(_added, now, left, _found);
        _steps.Take(client, Math.Min(_retained.Steps, left), now);
        RefillLater();
        var sent = 0;
        while (sent < _found.Count && stream.TrySend(_found[sent], FrameDelivery.Refusable)) sent++;
        isWhole &= sent == _found.Count;
        _found.Clear(); // or it would keep them alive
        _metrics.RetainedSent(sent, isWhole);
        if (!isWhole && _cuts.Admits(Now, out var suppressed))
            _log.Warning(
                "A SUBSCRIBE matches more retained messages than it gets, {Sent} ({Suppressed} more not logged)",
                sent, suppressed);
    }

    private void OnLevelChanged(MemoryProtocol.LevelChanged msg)
    {
        _isShort = msg.Level >= MemoryLevel.DropCaches;
        if (!_isShort) return;
        _retainedTable.Evicted(_retained.ClearAll());
        CountRetained();
    }

    private void OnSweep()
    {
        Expire();
        CountRetained();
        SweepLater();
    }

    private void OnRefill()
    {
        foreach (var client in _steps.RemoveFull(Now)) WatchOrNot(client, isWatched: true);
        RefillLater();
    }

    private void RefillLater()
    {
        if (_steps.Count == 0 || Timers.IsTimerActive(Tick.Refill)) return;
        Timers.StartSingleTimer(Tick.Refill, Tick.Refill, StepAllowances.Refill);
    }

    private void Expire() => _retainedTable.Expired(_retained.Expire(Now));

    private void SweepLater()
    {
        if (_retained.NextDue is not { } due || Timers.IsTimerActive(Tick.Sweep)) return;
        var delay = TimeSpan.FromTicks(Math.Clamp((due - Now).Ticks, ShortestSweep.Ticks, LongestSweep.Ticks));
        Timers.StartSingleTimer(Tick.Sweep, Tick.Sweep, delay);
    }

    private bool IsKnown(IActorRef connection) => _subscriptions.Has(connection) || _steps.Has(connection);

    private void WatchOrNot(IActorRef connection, bool isWatched)
    {
        var isNeeded = IsKnown(connection);
        if (isNeeded && !isWatched) Context.Watch(connection);
        else if (!isNeeded && isWatched) Context.Unwatch(connection);
    }

    private void CountPatterns()
    {
        _patternTable.Set(_subscriptions.Count);
        _nodeTable.Set(_subscriptions.Nodes);
    }

    private void CountRetained()
    {
        _retainedTable.Set(_retained.Count);
        _retainedBytes.Set(_retained.Bytes);
    }

    private enum Tick
    {
        Sweep,
        Refill,
    }
}
