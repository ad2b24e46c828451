using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
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
public sealed class MeshPoolActor : ReceiveActor, IWithTimers
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

        while (_parked.First is { } parked) Fail(parked.Value, MeshRefusal.ShuttingDown, ShutdownText);
        _parties.Clear();
        _connectionTable.Set(0);
        _streamTable.Set(0);
    }

    // The way of most requests: a connection stands and gives a stream at once.
    private void OnOpenStream(OpenStream msg)
    {
        var now = Now;
        if (_isShuttingDown)
        {
            Refuse(Sender, msg.Peer, MeshRefusal.ShuttingDown, ShutdownText);
            return;
        }

        if (_parties.Of(Sender, now) is not { } party)
        {
            Refuse(Sender, msg.Peer, MeshRefusal.Overloaded, TooManyRequestersText);
            return;
        }

        var link = Usable(msg.Peer, msg.Address);
        if (link is null || !HasRoom(link))
        {
            Dispatch(new MeshRequest(MeshRequestKind.Open, msg.Peer, msg.Address, Sender, party), now, _options.RequestTimeout);
            return;
        }

        var opening = BeginOpen(link);
        if (opening.IsCompletedSuccessfully)
        {
            var stream = opening.Result;
            Lease(link, stream, Sender, party, now);
            Sender.Tell(new StreamOpened(msg.Peer, stream));
            if (_log.IsDebugEnabled) _log.Debug("Reusing the connection to {Peer}", msg.Peer);
            return;
        }

        var request = new MeshRequest(MeshRequestKind.Open, msg.Peer, msg.Address, Sender, party);
        Begin(request, now, _options.RequestTimeout);
        WaitForStream(request, link, opening);
    }

    private void OnExchange(Exchange msg)
    {
        var now = Now;
        if (_isShuttingDown)
        {
            RefuseExchange(Sender, msg.Id, msg.Peer, MeshRefusal.ShuttingDown, ShutdownText);
            return;
        }

        if (!HasRoomForExchange(msg.Peer) || _parties.Of(Sender, now) is not { } party)
        {
            RefuseExchange(Sender, msg.Id, msg.Peer, MeshRefusal.Overloaded, TooManyExchangesText);
            return;
        }

        var request = new MeshRequest(MeshRequestKind.Exchange, msg.Peer, msg.Address, Sender, party)
        { Id = msg.Id, Frame = msg.Frame };
        Dispatch(request, now, msg.Timeout);
    }

    private void OnSend(Send msg)
    {
        if (_isShuttingDown || !HasRoomForExchange(msg.Peer))
        {
            _metrics.MeshExchangeEnded((_isShuttingDown ? MeshRefusal.ShuttingDown : MeshRefusal.Overloaded).Text());
            return;
        }

        var request = new MeshRequest(MeshRequestKind.Send, msg.Peer, msg.Address, ActorRefs.Nobody, null)
        { Frame = msg.Frame };
        Dispatch(request, Now, _options.RequestTimeout);
    }

    private bool HasRoomForExchange(NodeId peer)
    {
        if (_exchanges < _options.MaxExchanges && _exchangesOf.GetValueOrDefault(peer) < _options.MaxExchangesPerPeer)
            return true;
        _exchangeTable.Reject(_exchanges < _options.MaxExchanges ? "per_peer" : BoundedTable.Full);
        return false;
    }

    private void OnCancel(Cancel msg)
    {
        if (_parties.Find(Sender)?.Exchanges.GetValueOrDefault(msg.Id) is not { } request) return;
        if (End(request)) _metrics.MeshExchangeEnded("cancelled");
    }

    private void Dispatch(MeshRequest request, TimeSpan now, TimeSpan timeout)
    {
        Begin(request, now, timeout);
        Continue(request);
    }

    private void Begin(MeshRequest request, TimeSpan now, TimeSpan timeout)
    {
        request.Deadline = _deadlines.Set(request, now + timeout);
        if (request.Party is { } party)
        {
            party.Requests.Add(request);
            _parties.Pin(party, now);
            if (request.Kind == MeshRequestKind.Exchange) party.Exchanges.TryAdd(request.Id, request);
        }

        if (request.Kind == MeshRequestKind.Open) return;
        _exchangeTable.Set(++_exchanges);
        CollectionsMarshal.GetValueRefOrAddDefault(_exchangesOf, request.Peer, out _)++;
    }

    /// <summary>Takes a request to where it gets a connection: a pooled one, or a dial.</summary>
    private void Continue(MeshRequest request)
    {
        if (_unidentified.Count > 0)
        {
            Wait(request, _parked);
            return;
        }

        if (Usable(request.Peer, request.Address) is { } link)
        {
            OpenOn(request, link);
            return;
        }

        if (request.HadFreshConnection)
        {
            Fail(request, MeshRefusal.StreamFailed, LostText);
            return;
        }

        if (!_dials.TryGetValue(request.Peer, out var dial))
        {
            if (WhyNoDial() is { } why)
            {
                Fail(request, MeshRefusal.PoolFull, why);
                return;
            }

            dial = Dial(request.Peer, request.Address);
        }

        if (dial.Waiters.Count >= _options.MaxWaitersPerPeer)
        {
            _waiterTable.Reject("per_peer");
            Fail(request, MeshRefusal.TooManyWaiters, $"{dial.Waiters.Count} wait for {request.Peer} already.");
            return;
        }

        Wait(request, dial.Waiters);
    }

    private void Wait(MeshRequest request, LinkedList<MeshRequest> queue)
    {
        if (!TryCountWaiter(request)) return;
        request.Place = queue.AddLast(request);
    }

    private bool TryCountWaiter(MeshRequest request)
    {
        if (_waiters >= _options.MaxWaiters)
        {
            _waiterTable.Reject();
            Fail(request, MeshRefusal.TooManyWaiters, $"{_waiters} requests wait for peers already.");
            return false;
        }

        request.IsWaiting = true;
        _waiterTable.Set(++_waiters);
        return true;
    }

    private void EndWait(MeshRequest request)
    {
        if (!request.IsWaiting) return;
        request.IsWaiting = false;
        _waiterTable.Set(--_waiters);
        request.Place?.List?.Remove(request.Place);
        request.Place = null;
    }

    // A dial needs a place: a free one, or an idle connection that no other dial counts on.
    private string? WhyNoDial()
    {
        if (_pool.Pinned + _leaving + _dials.Count >= _options.MaxConnections)
        {
            _connectionTable.Reject();
            LogFull();
            return $"The pool's {_options.MaxConnections} connections are all in use or being made.";
        }

        if (_dials.Count < _options.MaxDials) return null;
        _dialTable.Reject();
        return $"{_dials.Count} connections are being made already.";
    }

    private MeshDial Dial(NodeId peer, PeerAddress address)
    {
        var link = new MeshLink(++_kept.LastAttempt, peer, address) { Owner = this };
        _log.Debug("Connecting to {Peer} at {Address}", peer, address);
        link.Actor = Context.ActorOf(
            MeshConnectionActor.Props(link, _provider, _connect, _options.ConnectTimeout), $"peer-{link.Attempt}");
        _living.Add(link.Actor);
        Watch(link.Actor, link);
        var dial = new MeshDial(link);
        dial.Deadline = _dialDeadlines.Set(dial, Now + _options.ConnectTimeout);
        _dials.Add(peer, dial);
        _dialTable.Set(_dials.Count);
        return dial;
    }

    private static void Watch(IActorRef child, MeshLink? link)
    {
        Context.Unwatch(child);
        Context.WatchWith(child, new PeerEnded(child, link));
    }

    private void OnUp(Up msg)
    {
        if (!TryEndDial(msg.Link, out var dial))
        {
            Context.Stop(msg.Link.Actor); // nobody wants it any more
            return;
        }

        _metrics.MeshDialled("ok");
        msg.Link.Stands(msg.Connection);
        if (!TryMakeRoom(msg.Link.Peer, dial.Waiters.Count > 0))
        {
            _connectionTable.Reject();
            LogFull();
            Close(msg.Link, inOrder: false);
            Answer(dial, request => Fail(request, MeshRefusal.PoolFull, "All connections of the pool are in use."));
            return;
        }

        _log.Info("Connected to {Peer} at {Address}", msg.Link.Peer, msg.Link.Address);
        Admit(msg.Link);
        Answer(dial, request =>
        {
            request.HadFreshConnection = true;
            Continue(request);
        });
        CloseIfUnwanted(msg.Link);
    }

    private bool TryEndDial(MeshLink link, out MeshDial dial)
    {
        if (!_dials.TryGetValue(link.Peer, out dial!) || dial.Link != link) return false;
        _dials.Remove(link.Peer);
        _dialDeadlines.Lift(dial.Deadline!);
        _dialTable.Set(_dials.Count);
        return true;
    }

    /// <summary>Tells those who wait for a dial how it ended. Those who want the peer elsewhere go on.</summary>
    private void Answer(MeshDial dial, Action<MeshRequest> answer)
    {
        var waiters = dial.Waiters.ToList();
        foreach (var request in waiters) EndWait(request);
        foreach (var request in waiters)
        {
            if (request.IsOver) continue;
            if (request.Address == dial.Link.Address) answer(request);
            else Continue(request);
        }
    }

    /// <summary>Makes room for a connection that stands: by that to the peer's old address, or by the one that was not
    /// used for longest.</summary>
    private bool TryMakeRoom(NodeId peer, bool isWanted)
    {
        if (_pool.TryGet(peer, out var previous))
        {
            if (previous.Pins == 0)
            {
                Drop(previous.Value, "replaced", MeshRefusal.StreamFailed, "");
                return true;
            }

            if (_retired.TryGetValue(peer, out var older)) DropRetired(older);
        }

        if (_pool.Count + _leaving >= _options.MaxConnections)
        {
            if (!isWanted || _pool.Oldest is not { } victim) return false;
            _log.Debug("The pool is full ({Limit}): evicting {Peer}", _options.MaxConnections, victim.Key);
            _connectionTable.Evicted();
            Drop(victim.Value, "evicted", MeshRefusal.StreamFailed, "");
        }

        if (previous is not null) Retire(previous.Value);
        return true;
    }

    private void Admit(MeshLink link)
    {
        link.State = LinkState.Pooled;
        link.Entry = _pool.Add(link.Peer, link, Now);
        Count();
    }

    private void Retire(MeshLink link)
    {
        _log.Debug("{Peer} has moved: the connection to {Address} ends with its streams", link.Peer, link.Address);
        _pool.Remove(link.Entry!);
        EnterRetired(link);
    }

    private void EnterRetired(MeshLink link)
    {
        link.State = LinkState.Retired;
        link.Grace = _graces.Set(link, Now + _options.RetireGrace);
        _retired.Add(link.Peer, link);
        _leaving++;
        Count();
    }

    private void DropRetired(MeshLink link) => Drop(
        link, "replaced", MeshRefusal.StreamFailed, "The peer has moved, and the old connection was closed.");

    private void OnFailed(Failed msg)
    {
        if (!TryEndDial(msg.Link, out var dial)) return;
        _metrics.MeshDialled(msg.Outcome);
        msg.Link.State = LinkState.Gone;
        if (_failures.Admits(Now, out var suppressed))
        {
            _log.Warning("Could not connect to {Peer} at {Address}: {Reason} ({Suppressed} more not logged)",
                msg.Link.Peer, msg.Link.Address, msg.Message, suppressed);
        }

        Answer(dial, request => Fail(request, MeshRefusal.ConnectFailed, msg.Message));
    }

    private void OnDialTimeout(MeshDial dial)
    {
        _dialTable.Expired();
        Context.Stop(dial.Link.Actor); // which gives the dial up
        OnFailed(new Failed(
            dial.Link, "timeout", $"{dial.Link.Address} did not answer within {_options.ConnectTimeout}."));
    }

    private void OnPeerEnded(PeerEnded msg)
    {
        if (!_living.Remove(msg.Child)) return; // told of already, before a restart
        if (msg.Link is not null) OnLinkEnded(msg.Link);
        if (_unidentified.Remove(msg.Child)) ContinueParked();
        StopIfDone();
    }

    private void OnLinkEnded(MeshLink link)
    {
        switch (link.State)
        {
            case LinkState.Dialling:
                OnFailed(new Failed(link, "failed", "The connection failed."));
                break;
            case LinkState.Closing:
                link.State = LinkState.Gone;
                _leaving--;
                Count();
                break;
            case LinkState.Pooled or LinkState.Retired:
                Drop(link, "lost", MeshRefusal.StreamFailed, LostText);
                break;
        }
    }

    private void OnIdentified(Identified msg)
    {
        if (!_unidentified.Remove(msg.Actor)) return;
        if (msg.Link.Actor.Equals(msg.Actor)) Adopt(msg);
        ContinueParked();
    }

    private void Adopt(Identified msg)
    {
        var link = msg.Link;
        Watch(msg.Actor, link);
        if (msg.IsClosing)
        {
            link.State = LinkState.Closing;
            _leaving++;
            Count();
            return;
        }

        var isRetired = link.State == LinkState.Retired;
        var isTaken = isRetired ? _retired.ContainsKey(link.Peer) : _pool.TryGet(link.Peer, out _);
        if (msg.Connection is null || link.State == LinkState.Gone || isTaken || _isShuttingDown)
        {
            Close(link, inOrder: _isShuttingDown);
            Count();
            return;
        }

        link.Stands(msg.Connection);
        (link.Owner, link.Uses) = (this, 0);
        var leases = link.Leases.ToList();
        link.Opening.Clear();
        foreach (var lease in leases)
        {
            lease.LeaveLink();
            lease.LeaveParty(); // of the former life
        }

        if (isRetired) EnterRetired(link);
        else Admit(link);
        foreach (var lease in leases.Where(lease => !lease.IsEnded))
            Enter(lease, _parties.Of(lease.Requester, Now), Now);
        CloseIfUnwanted(link);
    }

    private void ContinueParked()
    {
        if (_unidentified.Count > 0) return;
        var parked = _parked.ToList();
        foreach (var request in parked) EndWait(request);
        foreach (var request in parked) Continue(request);
    }

    /// <summary>The pooled connection to a peer at this address, if it is alive; one that is found dead is dropped.
    /// </summary>
    private MeshLink? Usable(NodeId peer, PeerAddress address)
    {
        if (!_pool.TryGet(peer, out var entry) || entry.Value.Address != address) return null;
        if (!entry.Value.Closed!.IsCompleted) return entry.Value;
        _log.Info("The connection to {Peer} is dead, recreating it", peer);
        Drop(entry.Value, "lost", MeshRefusal.StreamFailed, LostText);
        return null;
    }

    private bool HasRoom(MeshLink link) =>
        _streams + _openings < _options.MaxStreams && link.Uses < _options.MaxStreamsPerPeer;

    private ValueTask<IQuicStream> BeginOpen(MeshLink link)
    {
        try
        {
            return link.Connection!.OpenStreamAsync(_opening.Token);
        }
        catch (QuicTransportException e)
        {
            return ValueTask.FromException<IQuicStream>(e);
        }
    }

    private void OpenOn(MeshRequest request, MeshLink link)
    {
        if (!HasRoom(link))
        {
            var all = _streams + _openings;
            _streamTable.Reject(all < _options.MaxStreams ? "per_peer" : BoundedTable.Full);
            Fail(request, MeshRefusal.Overloaded, $"{link.Uses} streams to {link.Peer} are open or asked for, {all} in all.");
            return;
        }

        WaitForStream(request, link, BeginOpen(link));
    }

    private void WaitForStream(MeshRequest request, MeshLink link, ValueTask<IQuicStream> opening)
    {
        if (opening.IsCompletedSuccessfully)
        {
            Proceed(request, link, opening.Result);
            return;
        }

        (request.Opening, _opening) = (_opening, new CancellationTokenSource());
        request.OpeningOn = link;
        request.OpeningPlace = link.Opening.AddLast(request);
        _openings++;
        Use(link, Now);
        opening.AsTask().PipeTo(
            Self, success: stream => new Opened(request, link, stream), failure: e => new NotOpened(request, link, e));
        if (link.Opening.Count <= _options.MaxWaitersPerPeer)
        {
            TryCountWaiter(request);
            return;
        }

        _waiterTable.Reject("per_peer");
        Fail(request, MeshRefusal.TooManyWaiters, $"{link.Opening.Count - 1} wait for a stream to {link.Peer} already.");
    }

    private void EndOpening(MeshRequest request)
    {
        if (request.OpeningOn is not { } link) return;
        request.OpeningOn = null;
        link.Opening.Remove(request.OpeningPlace!);
        _openings--;
        EndUse(link, Now);
    }

    private void OnOpened(Opened msg)
    {
        if (msg.Request.IsOver || msg.Request.OpeningOn != msg.Link)
        {
            msg.Stream.Abort(QuicAbortDirection.Both, DisconnectReason.Normal.Code());
            _ = msg.Stream.DisposeAsync().AsTask();
            return;
        }

        Proceed(msg.Request, msg.Link, msg.Stream);
    }

    private void OnNotOpened(MeshRequest request, MeshLink link, Exception cause)
    {
        if (request.IsOver || request.OpeningOn != link) return;
        EndWait(request);
        EndOpening(request);
        if (link.State == LinkState.Pooled)
        {
            _log.Info("The connection to {Peer} gives no stream, recreating it: {Reason}", link.Peer, cause.Message);
            Drop(link, "lost", MeshRefusal.StreamFailed, LostText);
        }

        if (request.HadFreshConnection) Fail(request, MeshRefusal.StreamFailed, cause.Message);
        else Continue(request);
    }

    private void Proceed(MeshRequest request, MeshLink link, IQuicStream stream)
    {
        var now = Now;
        EndWait(request);
        var lease = Lease(link, stream, request.Requester, request.Party, now);
        EndOpening(request); // after the lease has its pin, or the connection would look idle
        if (request.Kind == MeshRequestKind.Open)
        {
            End(request);
            request.Requester.Tell(new StreamOpened(request.Peer, stream));
            return;
        }

        (request.Lease, lease.Request) = (lease, request);
        var running = request.Kind == MeshRequestKind.Exchange
            ? MeshExchange.ExchangeAsync(stream, request.Frame, _maxFrameSize)
            : MeshExchange.SendAsync(stream, request.Frame);
        running.PipeTo(Self, success: outcome => new ExchangeEnded(request, outcome));
    }

    private MeshLease Lease(MeshLink link, IQuicStream stream, IActorRef requester, MeshParty? party, TimeSpan now)
    {
        var lease = new MeshLease(link, stream, requester);
        Enter(lease, party, now);
        _metrics.MeshStreamOpened();
        lease.Watch(_kept.Ended);
        return lease;
    }

    private void Enter(MeshLease lease, MeshParty? party, TimeSpan now)
    {
        lease.EnterLink();
        Use(lease.Link, now);
        _streamTable.Set(++_streams);
        if (party is null) return;
        lease.EnterParty(party);
        _parties.Pin(party, now);
    }

    private void EndLease(MeshLease lease)
    {
        if (lease.IsEnded) return;
        lease.IsEnded = true;
        var now = Now;
        if (!lease.LeaveLink() || lease.Link.Owner != this) return; // of a life before
        _streamTable.Set(--_streams);
        if (lease.Party is { } party)
        {
            lease.LeaveParty();
            _parties.Unpin(party, now);
        }

        EndUse(lease.Link, now);
    }

    private void Use(MeshLink link, TimeSpan now)
    {
        if (link.Uses++ == 0 && link.State == LinkState.Pooled) _pool.Pin(link.Entry!, now);
    }

    private void EndUse(MeshLink link, TimeSpan now)
    {
        if (--link.Uses > 0) return;
        if (link.State == LinkState.Pooled) _pool.Unpin(link.Entry!, now);
        CloseIfUnwanted(link);
    }

    /// <summary>A connection without streams is closed when it is retired or memory is short.</summary>
    private void CloseIfUnwanted(MeshLink link)
    {
        if (link.Uses > 0) return;
        if (link.State == LinkState.Retired) DropRetired(link);
        else if (link.State == LinkState.Pooled && IsShort) Shed(link);
    }

    private void Shed(MeshLink link)
    {
        _connectionTable.Evicted();
        Drop(link, "memory_pressure", MeshRefusal.StreamFailed, "");
    }

    private void OnExchangeEnded(ExchangeEnded msg)
    {
        var request = msg.Request;
        if (msg.Outcome.Fault is { } fault)
        {
            Fail(request, MeshRefusal.StreamFailed, fault);
            return;
        }

        if (!End(request, abort: false)) return;
        _metrics.MeshExchangeEnded(request.Kind == MeshRequestKind.Send ? "sent" : "ok");
        if (request.Kind == MeshRequestKind.Exchange)
            request.Requester.Tell(new Exchanged(request.Id, request.Peer, msg.Outcome.Type, msg.Outcome.Payload));
    }

    private void OnRequesterEnded(IActorRef actor)
    {
        if (_parties.Find(actor) is not { } party) return;
        foreach (var request in party.Requests.ToList())
            if (End(request) && request.Kind == MeshRequestKind.Exchange)
                _metrics.MeshExchangeEnded("requester_gone");

        foreach (var lease in party.Leases.ToList())
        {
            lease.LeaveParty();
            if (party.IsAsk) continue; // it ends with the answer, and the stream was the answer
            lease.Stream.Abort(QuicAbortDirection.Both, DisconnectReason.Normal.Code());
            EndLease(lease);
        }

        _parties.Remove(party);
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

    private IEnumerable<MeshLink> Links() =>
        [.. _dials.Values.Select(dial => dial.Link), .. _pool.Entries.Select(entry => entry.Value), .. _retired.Values];

    /// <summary>Takes a connection, or a dial, out of all tables and closes it.</summary>
    /// <param name="why">In snake_case, for the metric.</param>
    /// <param name="refusal">What those are told who are in the middle of something on it.</param>
    private void Drop(MeshLink link, string why, MeshRefusal refusal, string message)
    {
        switch (link.State)
        {
            case LinkState.Dialling:
                if (!TryEndDial(link, out var dial)) return;
                _metrics.MeshDialled(why);
                Close(link, inOrder: false);
                while (dial.Waiters.First is { } waiter) Fail(waiter.Value, refusal, message);
                return;
            case LinkState.Pooled:
                _pool.Remove(link.Entry!);
                break;
            case LinkState.Retired:
                _retired.Remove(link.Peer);
                _graces.Lift(link.Grace!);
                _leaving--;
                break;
            default:
                return;
        }

        _metrics.MeshClosed(why);
        var isOurWish = refusal != MeshRefusal.StreamFailed;
        Close(link, inOrder: isOurWish);
        Count();
        var opening = link.Opening.ToList();
        EndRequests(link, refusal, message, withOpening: isOurWish);
        foreach (var lease in link.Leases.ToList()) EndLease(lease);
        if (isOurWish) return;
        var cause = new QuicTransportException(QuicTransportError.OperationAborted, message);
        foreach (var request in opening) OnNotOpened(request, link, cause);
    }

    // In order where something is under way, or the peer shall hear why; else at once.
    private void Close(MeshLink link, bool inOrder)
    {
        var isAlive = link.Closed is { IsCompleted: false };
        if (inOrder && isAlive && (link.Leases.Count > 0 || _isShuttingDown))
        {
            link.State = LinkState.Closing;
            _leaving++;
            var reason = _isShuttingDown ? DisconnectReason.ShuttingDown : DisconnectReason.Normal;
            link.Actor.Tell(new Close(reason.Code(), reason.Text()));
            return;
        }

        link.State = LinkState.Gone;
        Context.Stop(link.Actor);
    }

    private void EndRequests(MeshLink link, MeshRefusal refusal, string message, bool withOpening = true)
    {
        if (withOpening)
            foreach (var request in link.Opening.ToList()) Fail(request, refusal, message);
        foreach (var lease in link.Leases.ToList())
            if (lease.Request is { } running) Fail(running, refusal, message);
    }

    private void Fail(MeshRequest request, MeshRefusal reason, string message)
    {
        if (!End(request)) return;
        if (request.Kind == MeshRequestKind.Open) Refuse(request.Requester, request.Peer, reason, message);
        else if (request.Kind == MeshRequestKind.Exchange)
            RefuseExchange(request.Requester, request.Id, request.Peer, reason, message);
        else
            _metrics.MeshExchangeEnded(reason.Text());
    }

    /// <summary>The one way out of a request. False: it was out already.</summary>
    /// <param name="abort">Whether to reset the stream that it runs on.</param>
    private bool End(MeshRequest request, bool abort = true)
    {
        if (request.IsOver) return false;
        request.IsOver = true;
        if (request.Deadline is not null) _deadlines.Lift(request.Deadline);
        EndWait(request);
        if (request.OpeningOn is not null) request.Opening?.Cancel();
        EndOpening(request);
        if (request.Lease is { } lease && abort) lease.Stream.Abort(QuicAbortDirection.Both, DisconnectReason.Normal.Code());
        if (request.Party is { } party)
        {
            party.Requests.Remove(request);
            if (party.Exchanges.GetValueOrDefault(request.Id) == request) party.Exchanges.Remove(request.Id);
            _parties.Unpin(party, Now);
        }

        if (request.Kind == MeshRequestKind.Open) return true;
        _exchangeTable.Set(--_exchanges);
        ref var left = ref CollectionsMarshal.GetValueRefOrNullRef(_exchangesOf, request.Peer);
        if (--left == 0) _exchangesOf.Remove(request.Peer);
        return true;
    }

    private static void Refuse(IActorRef requester, NodeId peer, MeshRefusal reason, string message) =>
        requester.Tell(new Refused(peer, reason, message));

    private void RefuseExchange(IActorRef requester, ulong id, NodeId peer, MeshRefusal reason, string message)
    {
        _metrics.MeshExchangeEnded(reason.Text());
        requester.Tell(new ExchangeFailed(id, peer, reason, message));
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

    private sealed record Opened(MeshRequest Request, MeshLink Link, IQuicStream Stream) : ILocal;

    private sealed record NotOpened(MeshRequest Request, MeshLink Link, Exception Cause) : ILocal;

    private sealed record ExchangeEnded(MeshRequest Request, MeshExchange.Outcome Outcome) : ILocal;

    private sealed record PeerEnded(IActorRef Child, MeshLink? Link) : ILocal;

    private enum Tick
    {
        Sweep,
    }
}
