using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Mesh;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Tests.Models;

/// <summary>Peers, each with at most one dial, one pooled connection and one at its old address; who waits for which;
/// which streams are open; and which exchanges are under way, waiting or on such a stream.</summary>
internal sealed partial class MeshPoolModel : IModel
{
    private const int MaxConnections = 4;
    private const int MaxDials = 3;
    private const int MaxWaiters = 5;
    private const int MaxWaitersPerPeer = 3;
    private const int MaxStreams = 6;
    private const int MaxStreamsPerPeer = 4;
    private const int MaxExchanges = 7;
    private const int MaxExchangesPerPeer = 3;
    private const int MaxRequesters = 4;
    private const int MaxFrame = 1024;
    private const int Requesters = 5;
    private const int Peers = 6;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan[] ExchangeTimeouts =
        [.. new[] { 100, 400, 1000 }.Select(milliseconds => TimeSpan.FromMilliseconds(milliseconds))];
    private static readonly TimeSpan RetireGrace = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Open, dial succeeds, fails, a late one ends, stream ends, slow or lingering or not, stream comes, does
    /// not, connection dies, close ends, requester dies, remove, wait, crash, exchange, send, peer says, cancel, list.
    /// </summary>
    public static readonly int[] Kinds = [20, 16, 4, 3, 14, 4, 8, 2, 3, 2, 2, 2, 8, 2, 20, 8, 18, 3, 1];

    /// <summary>What must have come about when many histories are over, each of them often.</summary>
    public static readonly string[] Cases =
    [
        "Exchange cancelled", "Exchange connect_failed", "Exchange internal_error", "Exchange ok", "Exchange overloaded",
        "Exchange pool_full", "Exchange removed", "Exchange requester_gone", "Exchange shutting_down",
        "Exchange stream_failed",
        "Exchange timeout", "Exchange too_many_waiters", "Open connect_failed", "Open internal_error", "Open ok",
        "Open overloaded", "Open pool_full", "Open removed", "Open requester_gone", "Open shutting_down", "Open stream_failed", "Open timeout",
        "Open too_many_waiters", "Send connect_failed", "Send internal_error", "Send overloaded", "Send pool_full",
        "Send removed", "Send sent", "Send shutting_down", "Send stream_failed", "Send timeout", "Send too_many_waiters",
        "an answer over a crash", "an answer too late", "eviction beside exchanges", "exchanges full",
        "exchanges full per peer", "waited for a pool that had crashed",
    ];

    private readonly Events _events = new();
    private readonly ModelQuic _quic = new();
    private readonly ModelWorld _world;
    private readonly TestKit _kit;
    private readonly IReadOnlyDictionary<string, IBoundedTable> _tables;
    private readonly SortedDictionary<string, long> _reached;
    private readonly Told _other;
    private readonly Told[] _requesters;
    private readonly Dictionary<int, Dial> _dials = [];
    private readonly Dictionary<int, Link> _pool = [];
    private readonly Dictionary<int, Link> _retired = [];
    private readonly List<Link> _closing = [];
    private readonly List<ModelDial> _abandoned = []; // their results are late
    private readonly List<Opening> _late = [];
    private readonly List<Request> _waiting = [];
    private readonly List<Request> _exchanges = []; // those that wait among them
    private readonly List<Request> _talks = []; // on whose stream an answer can come, be it too late
    private readonly List<Lease> _ended = [];
    private readonly Dictionary<string, long> _outcomes = [];
    private int _step;
    private int _seen;
    private int _dialled;
    private long _expired;
    private ulong _lastId;

    /// <param name="reached">Counts what has come about in all histories together.</param>
    public MeshPoolModel(TestKit kit, SortedDictionary<string, long> reached)
    {
        _reached = reached;
        // Continuations run where a task is completed only where nothing says that they belong elsewhere.
        SynchronizationContext.SetSynchronizationContext(null);
        _kit = kit;
        kit.Advance(Tick - TimeSpan.FromTicks(Now.Ticks % Tick.Ticks)); // so that nothing is due between two ticks
        var options = MeshBed.Options with
        {
            MaxConnections = MaxConnections,
            MaxDials = MaxDials,
            MaxWaiters = MaxWaiters,
            MaxWaitersPerPeer = MaxWaitersPerPeer,
            MaxStreams = MaxStreams,
            MaxStreamsPerPeer = MaxStreamsPerPeer,
            MaxExchanges = MaxExchanges,
            MaxExchangesPerPeer = MaxExchangesPerPeer,
            MaxRequesters = MaxRequesters,
            ConnectTimeout = ConnectTimeout,
            RequestTimeout = RequestTimeout,
            RetireGrace = RetireGrace,
            IdleTimeout = IdleTimeout,
        };
        _world = new ModelWorld(
            kit,
            (census, metrics) => MeshPoolActor.Props(options, _quic, Connect, MaxFrame, census, metrics),
            _ => { });
        _tables = _world.Census.Tables.ToDictionary(table => table.Name);
        _other = _world.Someone();
        _requesters = [.. Enumerable.Range(0, Requesters).Select(_ => _world.Someone())];

        // What is closing stays so until the model says otherwise.
        static QuicConnectOptions Connect(PeerAddress address) =>
            new() { EndPoint = address.EndPoint, CloseTimeout = TimeSpan.FromHours(1) };
    }

    private TimeSpan Now => _kit.Sys.Scheduler.Elapsed();

    private int Leaving => _retired.Count + _closing.Count;

    private IEnumerable<Link> Links => [.. _pool.Values, .. _retired.Values];

    /// <summary>Those that wait, and those that run.</summary>
    private List<Request> Requests => [.. _waiting.Union(_exchanges)];

    private List<Lease> Leases => [.. Links.SelectMany(link => link.Leases)];

    public void Take(Step step)
    {
        _step++;
        var (a, b, c) = (step.A, step.B, step.C);
        switch (step.Kind)
        {
            case 0: Ask(Kind.Open, step); break;
            case 1: EndDial(step, isUp: true); break;
            case 2: EndDial(step, isUp: false); break;
            case 3: EndLate(a, b); break;
            case 4: EndStream(a); break;
            case 5: if (Pick(Links, a) is { } link) (link.Quic.IsSlow, link.Quic.Lingers) = (b % 2 == 0, c % 2 == 0); break;
            case 6: EndOpening(a, b, isOpen: true); break;
            case 7: EndOpening(a, b, isOpen: false); break;
            case 8: if (Pick(Links, a) is { } dying) Die(dying); break;
            case 9: if (Pick(_closing, a) is { } closing) EndClosing(closing); break;
            case 10: EndRequester(a % Requesters); break;
            case 11: Remove(a % Peers); break;
            case 12: Advance(TimeSpan.FromMilliseconds(20 * (1 + (a % (b % 5 == 0 ? 120 : 8))))); break;
            case 13: Crash(step); break;
            case 14: Ask(Kind.Exchange, step); break;
            case 15: Ask(Kind.Send, step); break;
            case 16: HearPeer(a, b, c); break;
            case 17: Cancel(a, b); break;
            default: CheckList(); break;
        }

        Check();
    }

    public void End()
    {
        if (_lastId % 2 == 0) ShutDown();
        else Leave();
        Check();
        Assert.All(_tables.Values, table => Assert.Equal((table.Name, 0), (table.Name, table.Size)));
        while (_abandoned.Count > 0) EndLate(0, 0);
        Check();
        Assert.Equal(0, _tables["mesh.connections"].Size);
        CheckOutcomes();
    }

    // Nobody needs it any more, and time passes.
    private void Leave()
    {
        while (_dials.Count > 0)
        {
            EndDial(default, isUp: false);
            Check();
        }

        for (var i = 0; i < Requesters; i++)
        {
            EndRequester(i);
            Check();
        }

        while (Links.Any(link => link.Openings.Count > 0))
        {
            EndOpening(0, 1, isOpen: true);
            Check();
        }

        while (_talks.Count > 0)
        {
            if (!_talks[0].Lease!.Stream.IsBroken) Break(_talks[0]);
            else EndStream(0);
            Check();
        }

        while (Leases.Count > 0) EndStream(0);
        while (_closing.Count > 0) EndClosing(_closing[0]);
        Advance(IdleTimeout);
    }

    public void Dispose()
    {
        foreach (var told in (Told[])[_other, .. _requesters]) told.Die();
        _world.Dispose();
    }

    private void Check()
    {
        for (; _seen < _quic.Dials.Count; _seen++) _events.See($"dial {_quic.Dials[_seen].Where}");
        for (var i = 0; i < Requesters; i++)
        {
            foreach (var message in _requesters[i].Messages)
            {
                _events.See(message switch
                {
                    StreamOpened opened => $"{i} has {opened.Stream}",
                    Refused refused => $"{i} is refused {refused.Reason}",
                    Exchanged answer => Answered(i, answer.Id, answer.Payload.Span),
                    _ => $"{i} fails {((ExchangeFailed)message).Id} {((ExchangeFailed)message).Reason}",
                });
            }

            _requesters[i].Messages.Clear();
        }

        _events.Compare();
        Assert.Equal(_pool.Count + Leaving, _tables["mesh.connections"].Size);
        Assert.Equal(_dials.Count, _tables["mesh.dials"].Size);
        Assert.Equal(_waiting.Count, _tables["mesh.waiters"].Size);
        Assert.Equal(_exchanges.Count, _tables["mesh.exchanges"].Size);
        Assert.Equal(_expired, _tables["mesh.exchanges"].Expiries);
        Assert.Equal(Links.Sum(link => link.Leases.Count), _tables["mesh.streams"].Size);
        foreach (var table in _tables.Values) Assert.InRange(table.Size, 0, table.Limit);
        Assert.InRange(_tables["mesh.requesters"].Size, Busy().Count, MaxRequesters);
        Assert.Equal(_outcomes.Values.Sum(), _world.Meters.Total("macula.mesh.exchanges"));
        foreach (var link in Links) Assert.False(link.Quic.IsLetGo || link.Quic.IsClosing);
    }

    private HashSet<Told> Busy()
    {
        HashSet<Told> busy = [];
        foreach (var request in _waiting) Add(request.Requester);
        foreach (var request in _exchanges) Add(request.Requester);
        foreach (var link in _pool.Values) link.Leases.ForEach(lease => Add(lease.Requester));
        foreach (var link in _retired.Values) link.Leases.ForEach(lease => Add(lease.Requester));
        return busy;

        void Add(Told? requester)
        {
            if (requester is not null) busy.Add(requester);
        }
    }

    private void CheckOutcomes()
    {
        foreach (var (outcome, count) in _outcomes)
            Assert.Equal((outcome, count), (outcome, _world.Meters.Total("macula.mesh.exchanges", outcome)));
    }

    private void CheckList()
    {
        _world.Concern.Tell(MeshProtocol.List.Instance, _other.Actor);
        var peers = ((Listed)_other.Take()!).Peers.Select(peer => $"{peer.Peer} {peer.Address} {peer.Leases} {peer.Idle}");
        var links = _pool.Values.Select(link =>
            $"peer-{link.Peer} {link.Address} {link.Leases.Count} {(link.IsInUse ? TimeSpan.Zero : Now - link.UsedAt)}");
        ModelCheck.Same(links.Order(StringComparer.Ordinal), peers.Order(StringComparer.Ordinal));
    }

    private void Reached(string what) => _reached[what] = _reached.GetValueOrDefault(what) + 1;

    private static T? Pick<T>(IEnumerable<T> from, int number)
        where T : class
    {
        var all = from.ToList();
        return all.Count == 0 ? null : all[number % all.Count];
    }
}
