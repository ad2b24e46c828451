using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshConnectionProtocol;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Mesh;

/// <summary>The connections to other nodes: hands out streams, exchanges frames, and closes what is not needed.</summary>
/// <remarks>
/// Between any two messages: pooled, retired and closing connections together are at most MaxConnections; each dial has
/// a place, a free one or that of an idle connection, which gives way once the new one stands; a connection with an open
/// stream never gives way. Each peer has at most one pooled connection, one dial and one retired connection. Requests
/// end in <see cref="End"/>, streams in <see cref="EndLease"/>, connections in <see cref="Drop"/>, nowhere else.
/// Connections belong to their actors: they outlive a crash of this one, which then asks them who they are.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer holds nothing to free.")]
public sealed partial class MeshPoolActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(10);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly LogThrottle _refusals = new(TimeSpan.FromSeconds(1));
    private readonly LogThrottle _failures = new(TimeSpan.FromSeconds(1));
    private readonly Dictionary<NodeId, MeshDial> _dials = [];
    private readonly Dictionary<NodeId, MeshLink> _retired = [];
    private readonly Dictionary<NodeId, int> _exchangesOf = [];
    private readonly LinkedList<MeshRequest> _parked = []; // until all connections are found again
    private readonly HashSet<IActorRef> _living = []; // the actors of all connections
    private readonly HashSet<IActorRef> _unidentified = [];
    private readonly List<MeshParty> _reserved = []; // whose streams are not found again yet
    private readonly MeshOptions _options;
    private readonly IQuicProvider _provider;
    private readonly Func<PeerAddress, QuicConnectOptions> _connect;
    private readonly int _maxFrameSize;
    private readonly GatewayMetrics _metrics;
    private readonly MeshSurvivors _kept;
    private readonly LruMap<NodeId, MeshLink> _pool;
    private readonly MeshParties _parties;
    private readonly DeadlineWheel<MeshRequest> _deadlines;
    private readonly DeadlineWheel<MeshDial> _dialDeadlines;
    private readonly DeadlineWheel<MeshLink> _graces;
    private readonly BoundedTable _connectionTable;
    private readonly BoundedTable _dialTable;
    private readonly BoundedTable _waiterTable;
    private readonly BoundedTable _streamTable;
    private readonly BoundedTable _exchangeTable;
    private CancellationTokenSource _opening = new(); // for the next stream; used again unless that has to wait
    private int _leaving; // retired and closing connections
    private int _hearsay; // dials to where a client says that somebody is
    private int _waiters;
    private int _streams;
    private int _openings; // streams that are being opened, each with a place
    private int _exchanges;
    private bool _isShuttingDown;

    /// <param name="connect">How to connect to an address: trust, own certificate, times. Not asked on the pool's
    /// time.</param>
    /// <param name="maxFrameSize">Bytes of the largest payload that a peer may answer.</param>
    public static Props Props(
        MeshOptions options, IQuicProvider provider, Func<PeerAddress, QuicConnectOptions> connect, int maxFrameSize,
        TableCensus census, GatewayMetrics metrics)
    {
        var kept = new MeshSurvivors();
        return Akka.Actor.Props.Create(
            () => new MeshPoolActor(options, provider, connect, maxFrameSize, census, metrics, kept));
    }

    public MeshPoolActor(
        MeshOptions options, IQuicProvider provider, Func<PeerAddress, QuicConnectOptions> connect, int maxFrameSize,
        TableCensus census, GatewayMetrics metrics, MeshSurvivors kept)
    {
        (_options, _provider, _connect, _maxFrameSize) = (options, provider, connect, maxFrameSize);
        (_metrics, _kept) = (metrics, kept);
        _pool = new LruMap<NodeId, MeshLink>(options.MaxConnections);
        _deadlines = new DeadlineWheel<MeshRequest>(Resolution, Now);
        _dialDeadlines = new DeadlineWheel<MeshDial>(Resolution, Now);
        _graces = new DeadlineWheel<MeshLink>(Resolution, Now);
        _connectionTable = census.Add("mesh.connections", options.MaxConnections);
        _dialTable = census.Add("mesh.dials", options.MaxDials);
        _waiterTable = census.Add("mesh.waiters", options.MaxWaiters);
        _streamTable = census.Add("mesh.streams", options.MaxStreams);
        _exchangeTable = census.Add("mesh.exchanges", options.MaxExchanges);
        var context = Context; // the handlers run in it too
        _parties = new MeshParties(
            census.Add("mesh.requesters", options.MaxRequesters),
            actor => context.Watch(actor), actor => context.Unwatch(actor));
        _kept.Ended.Serve(Self);

        Receive<OpenStream>(OnOpenStream);
        Receive<EndedLeases.Some>(_ => _kept.Ended.Take(EndLease));
        Receive<Exchange>(OnExchange);
        Receive<Send>(OnSend);
        Receive<Cancel>(OnCancel);
        Receive<Opened>(OnOpened);
        Receive<NotOpened>(msg => OnNotOpened(msg.Request, msg.Link, msg.Cause));
        Receive<ExchangeEnded>(OnExchangeEnded);
        Receive<Up>(OnUp);
        Receive<Failed>(OnFailed);
        Receive<PeerEnded>(OnPeerEnded);
        Receive<Identified>(OnIdentified);
        Receive<Terminated>(msg => OnRequesterEnded(msg.ActorRef));
        Receive<Remove>(OnRemove);
        Receive<Find>(msg => Sender.Tell(new Found(msg.Peer, _pool.TryGet(msg.Peer, out var entry) ? Info(entry) : null)));
        Receive<MeshProtocol.List>(_ => Sender.Tell(new Listed([.. _pool.Entries.Select(Info)])));
        Receive<MemoryProtocol.LevelChanged>(OnLevelChanged);
        Receive<Shutdown>(_ => OnShutdown());
        Receive<GatewayProtocol.Recovered>(_ => { }); // the connections below told all that there is to know
        Receive<Tick>(_ => OnTick());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    private bool IsShort => _kept.Level >= MemoryLevel.CloseIdlePeers;

    // A connection that fails is not started again: the next request dials.
    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(cause =>
        {
            _log.Error(cause, "A mesh connection failed and was closed");
            return Directive.Stop;
        });

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Sweep, Tick.Sweep, TickInterval);

    // Without the base, which would stop the connections: they are sound, only what was known of them is lost.
    protected override void PreRestart(Exception reason, object message)
    {
        foreach (var dial in _dials.Values.ToList()) Drop(dial.Link, "crashed", MeshRefusal.InternalError, CrashText);
        foreach (var link in Links().ToList()) EndRequests(link, MeshRefusal.InternalError, CrashText);
        while (_parked.First is { } parked) Fail(parked.Value, MeshRefusal.InternalError, CrashText);
        _kept.Owners.AddRange(_parties.All.Where(party => party.Leases.Count > 0));
        _parties.Clear();
    }

    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        foreach (var child in Context.GetChildren())
        {
            _living.Add(child);
            _unidentified.Add(child);
            Watch(child, null);
            child.Tell(MeshConnectionProtocol.Identify.Instance);
        }

        _log.Warning("The mesh pool failed and asks {Connections} connections who they are", _living.Count);
        _kept.Ended.Take(EndLease);
        ReserveForOwners();
        ContinueParked();
        Context.Parent.Tell(GatewayProtocol.Restarted.Instance);
    }

    // The connections have ended with this actor; whoever waits is told.
    protected override void PostStop()
    {
        foreach (var link in Links().ToList())
        {
            if (link.State == LinkState.Dialling) Drop(link, "shutdown", MeshRefusal.ShuttingDown, ShutdownText);
            else _metrics.MeshClosed("shutdown");
            EndRequests(link, MeshRefusal.ShuttingDown, ShutdownText);
        }

        // The rest: those that are parked, and those whose stream has ended and whose answer comes too late.
        _deadlines.Expire(TimeSpan.MaxValue, request => Fail(request, MeshRefusal.ShuttingDown, ShutdownText));
        _parties.Clear();
        _connectionTable.Set(0);
        _streamTable.Set(0);
    }

    private void OnRemove(Remove msg)
    {
        if (_dials.TryGetValue(msg.Peer, out var dial))
            Drop(dial.Link, "removed", MeshRefusal.Removed, RemovedText);
        if (_pool.TryGet(msg.Peer, out var entry)) Drop(entry.Value, "removed", MeshRefusal.Removed, RemovedText);
        if (_retired.TryGetValue(msg.Peer, out var old)) Drop(old, "removed", MeshRefusal.Removed, RemovedText);
        Sender.Tell(new Removed(msg.Peer));
    }

    private void OnLevelChanged(MemoryProtocol.LevelChanged msg)
    {
        var wasShort = IsShort;
        _kept.Level = msg.Level;
        if (wasShort || !IsShort) return;
        var idle = _pool.Idle;
        while (_pool.Oldest is { } oldest) Shed(oldest.Value);
        _log.Warning("Memory is short: closed {Idle} idle mesh connections, others are closed once idle", idle);
    }

    private void OnShutdown()
    {
        if (_isShuttingDown) return;
        _isShuttingDown = true;
        _log.Info("Shutting down: closing {Connections} mesh connections", _pool.Count);
        foreach (var link in Links().ToList()) Drop(link, "shutdown", MeshRefusal.ShuttingDown, ShutdownText);
        while (_parked.First is { } parked) Fail(parked.Value, MeshRefusal.ShuttingDown, ShutdownText);
        StopIfDone();
    }

    private void StopIfDone()
    {
        if (_isShuttingDown && _living.Count == 0) Context.Stop(Self);
    }

    private void OnTick()
    {
        var now = Now;
        _deadlines.Expire(now, request =>
        {
            if (request.IsWaiting) _waiterTable.Expired();
            else _exchangeTable.Expired();
            Fail(request, MeshRefusal.Timeout, $"{request.Peer} did not answer in time.");
        });
        _dialDeadlines.Expire(now, OnDialTimeout);
        _graces.Expire(now, DropRetired);
        _connectionTable.Expired(_pool.Expire(
            now - _options.IdleTimeout, idle => Drop(idle.Value, "idle", MeshRefusal.StreamFailed, "")));
    }

    private void Count() => _connectionTable.Set(_pool.Count + _leaving);

    private void LogFull()
    {
        if (!_refusals.Admits(Now, out var suppressed)) return;
        _log.Warning("The mesh pool is full, and its {Limit} connections are in use ({Suppressed} more not logged)",
            _options.MaxConnections, suppressed);
    }

    private static PeerInfo Info(LruMap<NodeId, MeshLink>.Entry entry) => new(
        entry.Key, entry.Value.Address, entry.Value.Leases.Count, entry.Pins > 0 ? TimeSpan.Zero : Now - entry.UsedAt);

    private const string CrashText = "The mesh pool failed; try again.";
    private const string ShutdownText = "The node is shutting down.";
    private const string RemovedText = "The peer was taken out of the pool.";
    private const string LostText = "The connection to the peer was lost.";
    private const string TooManyRequestersText = "As many actors use the mesh pool as may.";
    private const string TooManyExchangesText = "As many exchanges are under way, or actors use the mesh pool, as may.";

    // These may come when the pool has stopped; by then its connections have ended, and whoever waited was told.
    private sealed record Opened(MeshRequest Request, MeshLink Link, IQuicStream Stream) : ILocal, IDeadLetterSuppression;

    private sealed record NotOpened(MeshRequest Request, MeshLink Link, Exception Cause) : ILocal, IDeadLetterSuppression;

    private sealed record ExchangeEnded(MeshRequest Request, MeshExchange.Outcome Outcome) : ILocal, IDeadLetterSuppression;

    private sealed record PeerEnded(IActorRef Child, MeshLink? Link) : ILocal;

    private enum Tick
    {
        Sweep,
    }
}
