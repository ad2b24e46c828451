using System.Diagnostics;
using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Tests.Models;

/// <summary>Peers, each with at most one dial, one pooled connection and one at its old address; who waits for which; and
/// which streams are open.</summary>
internal sealed class MeshPoolModel : IModel
{
    private const int MaxConnections = 4;
    private const int MaxDials = 3;
    private const int MaxWaiters = 5;
    private const int MaxWaitersPerPeer = 3;
    private const int MaxStreams = 6;
    private const int MaxStreamsPerPeer = 4;
    private const int MaxRequesters = 4;
    private const int Requesters = 5;
    private const int Peers = 6;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan RetireGrace = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Open, dial succeeds, fails, a late one ends, stream ends, slow or not, stream comes, does not, connection
    /// dies, close ends, requester dies, remove, wait, crash.</summary>
    public static readonly int[] Kinds = [30, 16, 4, 3, 14, 4, 8, 2, 3, 2, 2, 2, 8, 1];

    private readonly Events _events = new();
    private readonly ModelQuic _quic = new();
    private readonly ModelWorld _world;
    private readonly TestKit _kit;
    private readonly IReadOnlyDictionary<string, IBoundedTable> _tables;
    private readonly Told _remover;
    private readonly Told[] _requesters;
    private readonly Dictionary<int, Dial> _dials = [];
    private readonly Dictionary<int, Link> _pool = [];
    private readonly Dictionary<int, Link> _retired = [];
    private readonly List<Link> _closing = [];
    private readonly List<ModelDial> _abandoned = []; // their results are late
    private readonly List<Opening> _late = [];
    private readonly List<Request> _requests = [];
    private int _step;
    private int _seen;
    private int _dialled;

    public MeshPoolModel(TestKit kit)
    {
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
            MaxRequesters = MaxRequesters,
            ConnectTimeout = ConnectTimeout,
            RequestTimeout = RequestTimeout,
            RetireGrace = RetireGrace,
            IdleTimeout = IdleTimeout,
        };
        _world = new ModelWorld(
            kit,
            (census, metrics) => MeshPoolActor.Props(options, _quic, Connect, 1024, census, metrics),
            _ => { });
        _tables = _world.Census.Tables.ToDictionary(table => table.Name);
        _remover = _world.Someone();
        _requesters = [.. Enumerable.Range(0, Requesters).Select(_ => _world.Someone())];

        // What is closing stays so until the model says otherwise.
        static QuicConnectOptions Connect(PeerAddress address) =>
            new() { EndPoint = address.EndPoint, CloseTimeout = TimeSpan.FromHours(1) };
    }

    private TimeSpan Now => _kit.Sys.Scheduler.Elapsed();

    private int Leaving => _retired.Count + _closing.Count;

    private IEnumerable<Link> Links => [.. _pool.Values, .. _retired.Values];

    private List<Lease> Leases => [.. Links.SelectMany(link => link.Leases)];

    public void Take(Step step)
    {
        _step++;
        var (a, b, c) = (step.A, step.B, step.C);
        switch (step.Kind)
        {
            case 0: Open(_requesters[a % Requesters], b % Peers, c % 5 == 0 ? 1 : 0); break;
            case 1: EndDial(a, isUp: true); break;
            case 2: EndDial(a, isUp: false); break;
            case 3: EndLate(a, b); break;
            case 4: EndStream(a); break;
            case 5: if (Pick(Links, a) is { } slow) slow.Quic.IsSlow = b % 2 == 0; break;
            case 6: EndOpening(a, isOpen: true); break;
            case 7: EndOpening(a, isOpen: false); break;
            case 8: if (Pick(Links, a) is { } dying) Die(dying); break;
            case 9: if (Pick(_closing, a) is { } closing) EndClosing(closing); break;
            case 10: EndRequester(a % Requesters); break;
            case 11: Remove(a % Peers); break;
            case 12: Advance(TimeSpan.FromMilliseconds(20 * (1 + (a % (b % 5 == 0 ? 120 : 8))))); break;
            default: Crash(); break;
        }

        Check();
    }

    public void End()
    {
        while (_dials.Count > 0)
        {
            EndDial(0, isUp: false);
            Check();
        }

        for (var i = 0; i < Requesters; i++)
        {
            EndRequester(i);
            Check();
        }

        while (_closing.Count > 0) EndClosing(_closing[0]);
        Advance(IdleTimeout);
        Check();
        Assert.All(_tables.Values, table => Assert.Equal((table.Name, 0), (table.Name, table.Size)));
        while (_abandoned.Count > 0) EndLate(0, 0);
        Check();
        Assert.Equal(0, _tables["mesh.connections"].Size);
    }

    public void Dispose()
    {
        foreach (var told in (Told[])[_remover, .. _requesters]) told.Die();
        _world.Dispose();
    }

    private void Check()
    {
        for (; _seen < _quic.Dials.Count; _seen++) _events.See($"dial {_quic.Dials[_seen].Where}");
        for (var i = 0; i < Requesters; i++)
        {
            foreach (var message in _requesters[i].Messages)
            {
                _events.See(message is StreamOpened opened
                    ? $"{i} has {opened.Stream}"
                    : $"{i} is refused {((Refused)message).Reason}");
            }

            _requesters[i].Messages.Clear();
        }

        _events.Compare();
        Assert.Equal(_pool.Count + Leaving, _tables["mesh.connections"].Size);
        Assert.Equal(_dials.Count, _tables["mesh.dials"].Size);
        Assert.Equal(_requests.Count, _tables["mesh.waiters"].Size);
        Assert.Equal(Leases.Count, _tables["mesh.streams"].Size);
        foreach (var table in _tables.Values) Assert.InRange(table.Size, 0, table.Limit);
        Assert.InRange(_tables["mesh.requesters"].Size, Busy().Count, MaxRequesters);
        foreach (var link in Links) Assert.False(link.Quic.IsLetGo || link.Quic.IsClosing);
    }

    private HashSet<Told> Busy() =>
        [.. _requests.Select(request => request.Requester), .. Leases.Select(lease => lease.Requester)];

    // ---- requests

    private void Open(Told requester, int peer, int place)
    {
        var address = new PeerAddress($"10.0.{peer}.{place + 1}", 9443);
        var busy = Busy();
        _world.Concern.Tell(new OpenStream(NodeId.Parse($"peer-{peer}"), address), requester.Actor);
        var request = new Request(requester, peer, address) { Due = Now + RequestTimeout };
        if (!busy.Contains(requester) && busy.Count == MaxRequesters) Refuse(request, MeshRefusal.Overloaded);
        else Continue(request);
    }

    private void Continue(Request request)
    {
        if (_pool.TryGetValue(request.Peer, out var link) && link.Address == request.Address)
        {
            OpenOn(request, link);
            return;
        }

        if (request.HadFresh)
        {
            Refuse(request, MeshRefusal.StreamFailed);
            return;
        }

        if (!_dials.TryGetValue(request.Peer, out var dial))
        {
            var inUse = _pool.Values.Count(each => each.IsInUse);
            if (inUse + Leaving + _dials.Count >= MaxConnections || _dials.Count == MaxDials)
            {
                Refuse(request, MeshRefusal.PoolFull);
                return;
            }

            dial = _dials[request.Peer] = new Dial(request.Peer, request.Address, _dialled++, Now + ConnectTimeout);
            _events.Expect($"dial {request.Address.EndPoint}");
        }

        if (dial.Waiters.Count == MaxWaitersPerPeer || _requests.Count == MaxWaiters)
        {
            Refuse(request, MeshRefusal.TooManyWaiters);
            return;
        }

        dial.Waiters.Add(request);
        _requests.Add(request);
    }

    private void OpenOn(Request request, Link link)
    {
        if (Links.Sum(each => each.Uses) == MaxStreams || link.Uses == MaxStreamsPerPeer)
        {
            Refuse(request, MeshRefusal.Overloaded);
            return;
        }

        var opening = new Opening(request, link, link.Asked++);
        if (!link.Quic.IsSlow)
        {
            Opened(opening);
            return;
        }

        if (link.Openings.Count == MaxWaitersPerPeer || _requests.Count == MaxWaiters)
        {
            _late.Add(opening);
            link.Used(_step, Now);
            Refuse(request, MeshRefusal.TooManyWaiters);
            return;
        }

        link.Openings.Add(opening);
        _requests.Add(request);
    }

    private void Opened(Opening opening)
    {
        var link = opening.Link;
        var stream = link.Quic.Openings[opening.Number].Stream;
        link.Leases.Add(new Lease(opening.Request.Requester, stream));
        _events.Expect($"{Name(opening.Request)} has {stream}");
    }

    private void Refuse(Request request, MeshRefusal reason) =>
        _events.Expect($"{Name(request)} is refused {reason}");

    private int Name(Request request) => Array.IndexOf(_requesters, request.Requester);

    // ---- dials

    private void EndDial(int a, bool isUp)
    {
        if (Pick(_dials.Values, a) is not { } dial) return;
        _dials.Remove(dial.Peer);
        var quic = _quic.Dials[dial.Number];
        if (isUp)
        {
            quic.Result.SetResult(quic.Connection);
            Up(dial, quic.Connection);
        }
        else
        {
            quic.Result.SetException(new QuicTransportException(QuicTransportError.ConnectionRefused, "nobody is there"));
            Answer(dial, request => Refuse(request, MeshRefusal.ConnectFailed));
        }
    }

    private void Up(Dial dial, ModelConnection quic)
    {
        if (!HasRoom(dial))
        {
            LetGo(quic);
            Answer(dial, request => Refuse(request, MeshRefusal.PoolFull));
            return;
        }

        var link = _pool[dial.Peer] = new Link(dial.Peer, dial.Address, quic);
        link.Used(_step, Now);
        Answer(dial, request =>
        {
            request.HadFresh = true;
            Continue(request);
        });
    }

    // Its predecessor gives way, or the one that was not used for longest.
    private bool HasRoom(Dial dial)
    {
        if (_pool.TryGetValue(dial.Peer, out var previous))
        {
            if (!previous.IsInUse)
            {
                Lose(previous);
                return true;
            }

            if (_retired.TryGetValue(dial.Peer, out var older)) Die(older, isDead: false);
        }

        if (_pool.Count + Leaving == MaxConnections)
        {
            var idle = _pool.Values.Where(link => !link.IsInUse).ToList();
            if (dial.Waiters.Count == 0 || idle.Count == 0) return false;
            var longest = idle.Where(link => link.Rank == idle.Min(each => each.Rank)).ToList();
            Assert.True(Wait(() => longest.Exists(link => link.Quic.IsLetGo)), "the least recently used one gives way");
            Lose(longest.Find(link => link.Quic.IsLetGo)!);
        }

        if (previous is null) return true;
        _pool.Remove(dial.Peer);
        _retired.Add(dial.Peer, previous);
        previous.Due = Now + RetireGrace;
        return true;
    }

    private void Answer(Dial dial, Action<Request> answer)
    {
        foreach (var request in dial.Waiters) _requests.Remove(request);
        foreach (var request in dial.Waiters)
        {
            if (request.Address == dial.Address) answer(request);
            else Continue(request);
        }
    }

    // Of a dial or a stream that nobody waits for any more.
    private void EndLate(int a, int b)
    {
        if (Pick(_late, a) is { } opening && b % 2 == 0)
        {
            _late.Remove(opening);
            var quic = opening.Link.Quic.Openings[opening.Number];
            quic.Result.SetResult(quic.Stream);
            Assert.True(quic.Stream.IsAborted);
            return;
        }

        if (Pick(_abandoned, a) is not { } dial) return;
        _abandoned.Remove(dial);
        if (b % 3 == 2)
        {
            dial.Result.SetException(new QuicTransportException(QuicTransportError.ConnectionTimeout, "too late"));
            return;
        }

        dial.Result.SetResult(dial.Connection);
        LetGo(dial.Connection);
    }

    // ---- streams and connections

    private void EndStream(int a)
    {
        if (Pick(Leases, a) is not { } lease) return;
        lease.Stream.End();
        EndLease(lease);
    }

    private void EndLease(Lease lease)
    {
        var link = Links.Single(each => each.Leases.Contains(lease));
        link.Leases.Remove(lease);
        Unused(link);
    }

    private void Unused(Link link)
    {
        link.Used(_step, Now);
        if (!link.IsInUse && _retired.GetValueOrDefault(link.Peer) == link) Lose(link);
    }

    private void EndOpening(int a, bool isOpen)
    {
        if (Pick(Links.SelectMany(link => link.Openings), a) is not { } opening) return;
        var (request, link) = (opening.Request, opening.Link);
        var quic = link.Quic.Openings[opening.Number];
        if (isOpen)
        {
            quic.Result.SetResult(quic.Stream);
            link.Openings.Remove(opening);
            _requests.Remove(request);
            Opened(opening);
            return;
        }

        quic.Result.SetException(new QuicTransportException(QuicTransportError.StreamAborted, "no stream"));
        link.Openings.Remove(opening);
        _requests.Remove(request);
        Unused(link);
        if (_pool.GetValueOrDefault(link.Peer) == link) Die(link, isDead: false);
        Retry(request);
    }

    // It has ended: its streams too, and who waited for one goes on.
    private void Die(Link link, bool isDead = true)
    {
        if (isDead) link.Quic.End();
        Lose(link);
        foreach (var opening in link.Openings)
        {
            _requests.Remove(opening.Request);
            _late.Add(opening);
        }

        foreach (var opening in link.Openings) Retry(opening.Request);
    }

    private void Retry(Request request)
    {
        if (request.HadFresh) Refuse(request, MeshRefusal.StreamFailed);
        else Continue(request);
    }

    private void Lose(Link link)
    {
        if (!_retired.Remove(link.Peer, out var old)) _pool.Remove(link.Peer);
        else if (old != link)
        {
            _retired.Add(link.Peer, old);
            _pool.Remove(link.Peer);
        }

        LetGo(link.Quic);
    }

    // On another thread, by its actor.
    private static void LetGo(ModelConnection quic)
    {
        Assert.True(Wait(() => quic.IsLetGo), $"{quic} was not let go");
        quic.End();
    }

    private static bool Wait(Func<bool> condition)
    {
        var (spin, start) = (new SpinWait(), Stopwatch.GetTimestamp());
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > SpecExtensions.Deadline) return false;
            spin.SpinOnce(sleep1Threshold: -1); // it is a matter of microseconds
        }

        return true;
    }

    // ---- ends

    private void EndRequester(int at)
    {
        var requester = _requesters[at];
        requester.Die();
        foreach (var request in _requests.Where(each => each.Requester == requester).ToList()) GiveUp(request);
        foreach (var lease in Leases.Where(each => each.Requester == requester))
        {
            Assert.True(lease.Stream.IsAborted);
            EndLease(lease);
        }

        _requesters[at] = _world.Someone();
    }

    private void GiveUp(Request request)
    {
        _requests.Remove(request);
        foreach (var dial in _dials.Values) dial.Waiters.Remove(request);
        foreach (var link in Links)
        {
            if (link.Openings.Find(each => each.Request == request) is not { } opening) continue;
            link.Openings.Remove(opening);
            _late.Add(opening);
            Unused(link);
        }
    }

    private void Remove(int peer)
    {
        _world.Concern.Tell(new Remove(NodeId.Parse($"peer-{peer}")), _remover.Actor);
        Assert.IsType<Removed>(_remover.Take());
        if (_dials.Remove(peer, out var dial)) GiveUp(dial, MeshRefusal.Removed);
        foreach (var link in Links.Where(link => link.Peer == peer).ToList())
        {
            foreach (var request in link.Openings.Select(each => each.Request).ToList())
            {
                Refuse(request, MeshRefusal.Removed);
                _requests.Remove(request);
            }

            _late.AddRange(link.Openings);
            link.Openings.Clear();
            if (link.Leases.Count == 0)
            {
                Lose(link);
                continue;
            }

            Assert.True(link.Quic.IsClosing);
            if (_retired.GetValueOrDefault(peer) == link) _retired.Remove(peer);
            else _pool.Remove(peer);
            _closing.Add(link);
        }
    }

    private void GiveUp(Dial dial, MeshRefusal reason)
    {
        foreach (var request in dial.Waiters)
        {
            _requests.Remove(request);
            Refuse(request, reason);
        }

        _abandoned.Add(_quic.Dials[dial.Number]);
    }

    private void EndClosing(Link link)
    {
        link.Quic.End();
        _closing.Remove(link);
        LetGo(link.Quic);
    }

    private void Advance(TimeSpan time)
    {
        _world.Advance(time);
        foreach (var request in _requests.Where(each => each.Due <= Now).ToList())
        {
            Refuse(request, MeshRefusal.Timeout);
            GiveUp(request);
        }

        // Those that were begun last come first among equals.
        foreach (var dial in _dials.Values.Where(each => each.Due <= Now)
            .OrderBy(each => each.Due).ThenByDescending(each => each.Number).ToList())
        {
            _dials.Remove(dial.Peer);
            _abandoned.Add(_quic.Dials[dial.Number]);
            Answer(dial, request => Refuse(request, MeshRefusal.ConnectFailed));
        }

        foreach (var link in _retired.Values.Where(each => each.Due <= Now).ToList()) Die(link, isDead: false);
        foreach (var link in _pool.Values.Where(each => !each.IsInUse && each.UsedAt + IdleTimeout <= Now).ToList())
            Lose(link);
    }

    private void Crash()
    {
        _world.Concern.Tell(Kill.Instance);
        foreach (var dial in _dials.Values) GiveUp(dial, MeshRefusal.InternalError);
        _dials.Clear();
        foreach (var request in _requests.ToList())
        {
            Refuse(request, MeshRefusal.InternalError);
            GiveUp(request);
        }

        foreach (var link in _pool.Values) link.Used(_step, Now); // in no particular order
        foreach (var link in _retired.Values) link.Due = Now + RetireGrace;
    }

    private static T? Pick<T>(IEnumerable<T> from, int number)
        where T : class
    {
        var all = from.ToList();
        return all.Count == 0 ? null : all[number % all.Count];
    }

    private sealed class Request(Told requester, int peer, PeerAddress address)
    {
        public Told Requester => requester;

        public int Peer => peer;

        public PeerAddress Address => address;

        public TimeSpan Due { get; init; }

        /// <summary>Whether it has had a connection of its own: there is no other for it.</summary>
        public bool HadFresh { get; set; }
    }

    private sealed record Dial(int Peer, PeerAddress Address, int Number, TimeSpan Due)
    {
        public List<Request> Waiters { get; } = [];
    }

    private sealed record Opening(Request Request, Link Link, int Number);

    private sealed record Lease(Told Requester, ModelStream Stream);

    private sealed class Link(int peer, PeerAddress address, ModelConnection quic)
    {
        public int Peer => peer;

        public PeerAddress Address => address;

        public ModelConnection Quic => quic;

        public List<Lease> Leases { get; } = [];

        public List<Opening> Openings { get; } = [];

        /// <summary>Streams that it was asked for.</summary>
        public int Asked { get; set; }

        /// <summary>Streams that are open or will be.</summary>
        public int Uses => Leases.Count + Openings.Count;

        public bool IsInUse => Uses > 0;

        /// <summary>The step of its last use; what was used in the same one is equally old.</summary>
        public int Rank { get; private set; }

        public TimeSpan UsedAt { get; private set; }

        /// <summary>When a retired one is closed.</summary>
        public TimeSpan Due { get; set; }

        public void Used(int step, TimeSpan now) => (Rank, UsedAt) = (step, now);
    }
}
