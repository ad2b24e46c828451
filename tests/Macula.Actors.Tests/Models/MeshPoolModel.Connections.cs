using System.Diagnostics;
using Akka.Actor;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Tests.Models;

// Connections, from the dial to the end.
internal sealed partial class MeshPoolModel
{
    private void EndDial(Step step, bool isUp)
    {
        if (Pick(_dials.Values, step.A) is not { } dial) return;
        _dials.Remove(dial.Peer);
        var quic = _quic.Dials[dial.Number];
        if (isUp)
        {
            (quic.Connection.IsSlow, quic.Connection.Lingers) = (step.B % 4 == 0, step.C % 3 == 0);
            quic.Result.SetResult(quic.Connection);
            Up(dial, quic.Connection);
        }
        else
        {
            quic.Result.SetException(new QuicTransportException(QuicTransportError.ConnectionRefused, "nobody is there"));
            Answer(dial, request => Fail(request, MeshRefusal.ConnectFailed));
        }

        Settle();
    }

    private void Up(Dial dial, ModelConnection quic)
    {
        if (!HasRoom(dial))
        {
            LetGo(quic);
            Answer(dial, request => Fail(request, MeshRefusal.PoolFull));
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
            if (_exchanges.Exists(each => each.Lease is not null)) Reached("eviction beside exchanges");
        }

        if (previous is null) return true;
        _pool.Remove(dial.Peer);
        _retired.Add(dial.Peer, previous);
        previous.Due = Now + RetireGrace;
        return true;
    }

    private void Answer(Dial dial, Action<Request> answer)
    {
        foreach (var request in dial.Waiters) _waiting.Remove(request);
        foreach (var request in dial.Waiters)
        {
            if (request.Address == dial.Address) answer(request);
            else Continue(request);
        }
    }

    // It has ended: its streams too, what ran on them has failed, and who waited for one goes on.
    private void Die(Link link, bool isDead = true)
    {
        if (isDead) link.Quic.End();
        FailRunning(link, MeshRefusal.StreamFailed);
        Lose(link);
        foreach (var opening in link.Openings)
        {
            _waiting.Remove(opening.Request);
            _late.Add(opening);
        }

        foreach (var opening in link.Openings) Retry(opening.Request);
    }

    private void Lose(Link link)
    {
        if (!_retired.Remove(link.Peer, out var old)) _pool.Remove(link.Peer);
        else if (old != link)
        {
            _retired.Add(link.Peer, old);
            _pool.Remove(link.Peer);
        }

        link.Leases.Clear();
        LetGo(link.Quic);
    }

    private void FailRunning(Link link, MeshRefusal reason)
    {
        foreach (var request in _exchanges.Where(each => each.Lease is { } lease && link.Leases.Contains(lease)).ToList())
        {
            Fail(request, reason);
            GiveUp(request);
        }
    }

    // On another thread, by its actor.
    private void LetGo(ModelConnection quic)
    {
        Assert.True(Wait(() => quic.IsLetGo), $"{quic} was not let go");
        quic.End();
        _talks.RemoveAll(each => each.Lease!.Stream is { IsAborted: true } stream && stream.Connection == quic);
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

    private void Remove(int peer)
    {
        _world.Concern.Tell(new Remove(NodeId.Parse($"peer-{peer}")), _other.Actor);
        Assert.IsType<Removed>(_other.Take());
        if (_dials.Remove(peer, out var dial)) GiveUp(dial, MeshRefusal.Removed);
        foreach (var link in Links.Where(link => link.Peer == peer).ToList())
        {
            FailAll(link, MeshRefusal.Removed);
            if (link.Leases.Count == 0)
            {
                Lose(link);
                continue;
            }

            if (_retired.GetValueOrDefault(peer) == link) _retired.Remove(peer);
            else _pool.Remove(peer);
            Close(link);
        }

        Settle();
    }

    private void Close(Link link)
    {
        Assert.True(link.Quic.IsClosing);
        _closing.Add(link);
        link.Leases.Clear();
    }

    private void FailAll(Link link, MeshRefusal reason)
    {
        foreach (var request in link.Openings.Select(each => each.Request).ToList())
        {
            Fail(request, reason);
            _waiting.Remove(request);
        }

        _late.AddRange(link.Openings);
        link.Openings.Clear();
        FailRunning(link, reason);
    }

    private void GiveUp(Dial dial, MeshRefusal reason)
    {
        foreach (var request in dial.Waiters)
        {
            _waiting.Remove(request);
            Fail(request, reason);
        }

        _abandoned.Add(_quic.Dials[dial.Number]);
    }

    private void EndClosing(Link link)
    {
        link.Quic.End();
        _closing.Remove(link);
        LetGo(link.Quic);
    }

    // Whoever asks until the last connection has ended is refused; what still is under way then has failed.
    private void ShutDown()
    {
        _world.Concern.Tell(MeshProtocol.Shutdown.Instance);
        foreach (var dial in _dials.Values) GiveUp(dial, MeshRefusal.ShuttingDown);
        _dials.Clear();
        foreach (var link in Links)
        {
            FailAll(link, MeshRefusal.ShuttingDown);
            Close(link);
        }

        _pool.Clear();
        _retired.Clear();
        Settle();
        while (_closing.Count > 0)
        {
            Check();
            var request = New((Kind)(_closing.Count % 3), 0, 0, 0, 0);
            Tell(request);
            Fail(request, MeshRefusal.ShuttingDown);
            Check();
            EndClosing(_closing[0]);
        }

        foreach (var request in Requests)
        {
            Fail(request, MeshRefusal.ShuttingDown);
            GiveUp(request);
        }

        Settle();
        _late.Clear(); // a connection that has ended gives no streams
    }

    private void Advance(TimeSpan time)
    {
        _world.Advance(time);
        foreach (var request in Requests.Where(each => each.Due <= Now).ToList())
        {
            if (request.Lease is not null) _expired++;
            Fail(request, MeshRefusal.Timeout);
            GiveUp(request);
        }

        // Those that were begun last come first among equals.
        foreach (var dial in _dials.Values.Where(each => each.Due <= Now)
            .OrderBy(each => each.Due).ThenByDescending(each => each.Number).ToList())
        {
            _dials.Remove(dial.Peer);
            _abandoned.Add(_quic.Dials[dial.Number]);
            Answer(dial, request => Fail(request, MeshRefusal.ConnectFailed));
        }

        foreach (var link in _retired.Values.Where(each => each.Due <= Now).ToList()) Die(link, isDead: false);
        foreach (var link in _pool.Values.Where(each => !each.IsInUse && each.UsedAt + IdleTimeout <= Now).ToList())
            Lose(link);
        Settle();
    }

    // What is asked before the connections have said who they are waits until then, or until the next crash.
    private void Crash(Step step)
    {
        List<Request> asked = [];
        for (var i = 0; i < step.C % 4; i++)
            asked.Add(New((Kind)((step.C + i) % 3), step.A + i, step.B + i, step.A, step.B));
        var isTwice = step.B % 3 == 0;
        _other.Then = () =>
        {
            _world.Concern.Tell(Kill.Instance);
            foreach (var request in asked) Tell(request);
            if (isTwice) _world.Concern.Tell(Kill.Instance);
        };
        _world.Concern.Tell(new Find(NodeId.Parse("peer-0")), _other.Actor);
        _other.Take();
        // A dial and a retired connection without a stream end with the pool that failed.
        var isAlone = _pool.Count == 0 && _closing.Count == 0 && !_retired.Values.Any(link => link.Leases.Count > 0);
        Forget();
        foreach (var request in asked)
        {
            if (isAlone) Asked(request);
            else if (Admits(request)) _waiting.Add(request);
        }

        if (isTwice) Forget();
        else if (!isAlone) Unpark();
        Settle();
    }

    private void Unpark()
    {
        var parked = _waiting.ToList();
        _waiting.Clear();
        foreach (var request in parked)
        {
            Reached("waited for a pool that had crashed");
            Continue(request);
        }
    }

    private void Forget()
    {
        foreach (var dial in _dials.Values) GiveUp(dial, MeshRefusal.InternalError);
        _dials.Clear();
        foreach (var request in Requests)
        {
            if (request.Lease is { } lease && !lease.Link.Leases.Contains(lease))
            {
                request.IsOrphan = true;
                _exchanges.Remove(request);
                continue;
            }

            Fail(request, MeshRefusal.InternalError);
            GiveUp(request);
        }

        Settle();
        foreach (var link in _pool.Values) link.Used(_step, Now); // in no particular order
        foreach (var link in _retired.Values) link.Due = Now + RetireGrace;
    }

    private sealed record Dial(int Peer, PeerAddress Address, int Number, TimeSpan Due)
    {
        public List<Request> Waiters { get; } = [];
    }

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
