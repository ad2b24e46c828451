using System.Collections.Frozen;
using System.Diagnostics.Metrics;
using Macula.Actors.Bounded;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;

namespace Macula.Actors.Gateway;

/// <summary>The instruments of a node, on the meter <c>Macula.Actors</c>. No tag ever holds an id, a topic or a
/// name.</summary>
public sealed class GatewayMetrics
{
    private const string MeterName = "Macula.Actors";

    // Made once: naming the type of each frame anew would leave garbage behind every one.
    private static readonly FrozenDictionary<FrameType, KeyValuePair<string, object?>> TypeTags =
        Enum.GetValues<FrameType>().ToFrozenDictionary(type => type, type => Tag("type", type.ToString()));

    private readonly Counter<long> _accepted;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _clientAttempts;
    private readonly Counter<long> _clientsAccepted;
    private readonly Counter<long> _clientsRejected;
    private readonly Counter<long> _clientsClosed;
    private readonly Counter<long> _framesIn;
    private readonly Counter<long> _bytesIn;
    private readonly Counter<long> _framesOut;
    private readonly Counter<long> _bytesOut;
    private readonly Counter<long> _skipped;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _lateReplies;
    private readonly Counter<long> _attempts;
    private readonly Counter<long> _failovers;
    private readonly Counter<long> _lookups;
    private readonly Counter<long> _published;
    private readonly Counter<long> _delivered;
    private readonly Counter<long> _duplicates;
    private readonly Counter<long> _retainedSent;
    private readonly Counter<long> _retainedCut;
    private readonly Counter<long> _expired;
    private readonly Counter<long> _registryLookups;
    private readonly Counter<long> _restarts;
    private readonly Counter<long> _memorySteps;
    private readonly Counter<long> _meshDials;
    private readonly Counter<long> _meshClosed;
    private readonly Counter<long> _meshStreams;
    private readonly Counter<long> _meshExchanges;

    /// <param name="meters">Makes the meter; an own factory per node, so that nodes do not count each other.</param>
    /// <param name="census">Each of its tables becomes a measurement of <c>macula.table.size</c> and its kin.</param>
    public GatewayMetrics(IMeterFactory meters, TableCensus census)
    {
        ArgumentNullException.ThrowIfNull(meters);
        var meter = meters.Create(MeterName);
        _accepted = meter.CreateCounter<long>("macula.connections.accepted", "{connection}");
        _closed = meter.CreateCounter<long>("macula.connections.closed", "{connection}");
        _refused = meter.CreateCounter<long>("macula.connections.refused", "{connection}");
        _clientAttempts = meter.CreateCounter<long>("macula.clients.attempts", "{client}");
        _clientsAccepted = meter.CreateCounter<long>("macula.clients.accepted", "{client}");
        _clientsRejected = meter.CreateCounter<long>("macula.clients.rejected", "{client}");
        _clientsClosed = meter.CreateCounter<long>("macula.clients.closed", "{client}");
        _framesIn = meter.CreateCounter<long>("macula.frames.in", "{frame}");
        _bytesIn = meter.CreateCounter<long>("macula.frames.in.size", "By");
        _framesOut = meter.CreateCounter<long>("macula.frames.out", "{frame}");
        _bytesOut = meter.CreateCounter<long>("macula.frames.out.size", "By");
        _skipped = meter.CreateCounter<long>("macula.frames.skipped", "{frame}");
        _dropped = meter.CreateCounter<long>("macula.outbound.dropped", "{frame}");
        _calls = meter.CreateCounter<long>("macula.rpc.calls", "{call}");
        _lateReplies = meter.CreateCounter<long>("macula.rpc.late_replies", "{reply}");
        _attempts = meter.CreateCounter<long>("macula.rpc.attempts", "{attempt}");
        _failovers = meter.CreateCounter<long>("macula.rpc.failovers", "{attempt}");
        _lookups = meter.CreateCounter<long>("macula.rpc.lookups", "{lookup}");
        _published = meter.CreateCounter<long>("macula.pubsub.published", "{message}");
        _delivered = meter.CreateCounter<long>("macula.pubsub.delivered", "{message}");
        _duplicates = meter.CreateCounter<long>("macula.pubsub.duplicates", "{message}");
        _retainedSent = meter.CreateCounter<long>("macula.pubsub.retained_sent", "{message}");
        _retainedCut = meter.CreateCounter<long>("macula.pubsub.retained_cut", "{subscription}");
        _expired = meter.CreateCounter<long>("macula.registry.expired", "{service}");
        _registryLookups = meter.CreateCounter<long>("macula.registry.lookups", "{lookup}");
        _restarts = meter.CreateCounter<long>("macula.concern.restarts", "{restart}");
        _memorySteps = meter.CreateCounter<long>("macula.memory.steps", "{step}");
        meter.CreateObservableGauge("macula.memory.live", () => Memory.Live, "By");
        meter.CreateObservableGauge("macula.memory.limit", () => Memory.Limit, "By");
        meter.CreateObservableGauge("macula.memory.level", () => (long)Memory.Level);
        _meshDials = meter.CreateCounter<long>("macula.mesh.dials", "{dial}");
        _meshClosed = meter.CreateCounter<long>("macula.mesh.closed", "{connection}");
        _meshStreams = meter.CreateCounter<long>("macula.mesh.streams", "{stream}");
        _meshExchanges = meter.CreateCounter<long>("macula.mesh.exchanges", "{exchange}");

        IEnumerable<Measurement<long>> Each(Func<IBoundedTable, long> value) =>
            census.Tables.Select(table => new Measurement<long>(value(table), Tag("table", table.Name)));
        IEnumerable<Measurement<long>> Rejections() =>
            from table in census.Tables
            from rejection in table.Rejections
            select new Measurement<long>(rejection.Value, Tag("table", table.Name), Tag("reason", rejection.Key));
        meter.CreateObservableGauge("macula.table.size", () => Each(table => table.Size), "{entry}");
        meter.CreateObservableGauge("macula.table.limit", () => Each(table => table.Limit), "{entry}");
        meter.CreateObservableGauge("macula.table.high_water", () => Each(table => table.HighWater), "{entry}");
        meter.CreateObservableCounter("macula.table.evicted", () => Each(table => table.Evictions), "{entry}");
        meter.CreateObservableCounter("macula.table.expired", () => Each(table => table.Expiries), "{entry}");
        meter.CreateObservableCounter("macula.table.rejected", Rejections, "{entry}");
    }

    /// <summary>What the memory guard found last.</summary>
    public MemoryGauge Memory { get; } = new();

    public void ConnectionAccepted() => _accepted.Add(1);

    public void ConnectionClosed(string reason) => _closed.Add(1, Tag("reason", reason));

    public void ConnectionRefused(string reason) => _refused.Add(1, Tag("reason", reason));

    /// <summary>A connection has become a client.</summary>
    public void ClientAccepted()
    {
        _clientAttempts.Add(1);
        _clientsAccepted.Add(1);
    }

    /// <summary>A connection wanted to become a client.</summary>
    public void ClientRejected(string reason)
    {
        _clientAttempts.Add(1);
        _clientsRejected.Add(1, Tag("reason", reason));
    }

    public void ClientsClosed(string reason, int count) => _clientsClosed.Add(count, Tag("reason", reason));

    public void FrameIn(FrameType type, long bytes)
    {
        _framesIn.Add(1, TypeTags[type]);
        _bytesIn.Add(bytes);
    }

    public void FramesOut(int frames, long bytes)
    {
        _framesOut.Add(frames);
        _bytesOut.Add(bytes);
    }

    public void FrameSkipped(string reason) => _skipped.Add(1, Tag("reason", reason));

    public void OutboundDropped(SlowConsumerPolicy policy) => _dropped.Add(1, Tag("policy", policy switch
    {
        SlowConsumerPolicy.DropOldest => "drop-oldest",
        SlowConsumerPolicy.DropNewest => "drop-newest",
        _ => "disconnect",
    }));

    /// <summary>Counts frames that were dropped because the memory guard has shrunk the queues.</summary>
    public void OutboundDroppedForMemory(int frames) => _dropped.Add(frames, Tag("policy", "memory-pressure"));

    /// <param name="outcome">How a call ended: <c>ok</c> or its error code.</param>
    public void CallEnded(string outcome) => _calls.Add(1, Tag("outcome", outcome));

    public void LateReply() => _lateReplies.Add(1);

    /// <summary>A call was given to a provider, or would have been, had it taken it.</summary>
    public void CallAttempted() => _attempts.Add(1);

    /// <summary>An attempt that was not a call's first.</summary>
    public void CallFailedOver() => _failovers.Add(1);

    /// <param name="outcome"><c>local</c>, <c>learned</c>, <c>missed</c>, <c>timeout</c>, <c>abandoned</c> or
    /// <c>failed</c>.</param>
    public void LookupEnded(string outcome) => _lookups.Add(1, Tag("outcome", outcome));

    /// <param name="receivers">Streams that took the message.</param>
    public void Published(int receivers)
    {
        _published.Add(1);
        _delivered.Add(receivers);
    }

    /// <summary>A repeat of a message was not delivered again.</summary>
    public void Duplicate() => _duplicates.Add(1);

    /// <param name="isWhole">False when a SUBSCRIBE got less than there was.</param>
    public void RetainedSent(int messages, bool isWhole)
    {
        _retainedSent.Add(messages);
        if (!isWhole) _retainedCut.Add(1);
    }

    public void ServicesExpired(int count) => _expired.Add(count);

    /// <param name="outcome">Where providers were found: <c>local</c>, <c>cached</c> or <c>missed</c>.</param>
    public void ServiceLookedUp(string outcome) => _registryLookups.Add(1, Tag("outcome", outcome));

    public void ConcernRestarted(string concern) => _restarts.Add(1, Tag("concern", concern));

    /// <param name="level">What the node gives up from now on, in snake_case; <c>normal</c> when all is given back.</param>
    public void MemoryStep(string level) => _memorySteps.Add(1, Tag("level", level));

    /// <param name="outcome"><c>ok</c>, or why there is no connection.</param>
    public void MeshDialled(string outcome) => _meshDials.Add(1, Tag("outcome", outcome));

    /// <param name="reason">Why a pooled connection ended.</param>
    public void MeshClosed(string reason) => _meshClosed.Add(1, Tag("reason", reason));

    public void MeshStreamOpened() => _meshStreams.Add(1);

    /// <param name="outcome"><c>ok</c>, <c>sent</c>, <c>cancelled</c>, or why there is no answer.</param>
    public void MeshExchangeEnded(string outcome) => _meshExchanges.Add(1, Tag("outcome", outcome));

    private static KeyValuePair<string, object?> Tag(string name, object value) => new(name, value);
}
