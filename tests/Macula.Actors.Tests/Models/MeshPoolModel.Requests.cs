using Akka.Actor;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Tests.Models;

// What is asked of the pool, until it has its one answer.
internal sealed partial class MeshPoolModel
{
    private Request New(Kind kind, int requester, int peer, int place, int timeout) => new(
        kind, kind == Kind.Send ? null : _requesters[requester % Requesters], peer % Peers,
        new PeerAddress($"10.0.{peer % Peers}.{(place % 5 == 0 ? 2 : 1)}", 9443), ++_lastId)
    {
        Timeout = kind == Kind.Exchange ? ExchangeTimeouts[timeout % ExchangeTimeouts.Length] : RequestTimeout,
    };

    private void Ask(Kind kind, Step step)
    {
        var request = New(kind, step.A, step.B, step.C, step.C);
        Tell(request);
        Asked(request);
        Settle();
    }

    private void Tell(Request request) =>
        _world.Concern.Tell(request.Message, request.Requester?.Actor ?? ActorRefs.NoSender);

    private void Asked(Request request)
    {
        if (Admits(request)) Continue(request);
    }

    private bool Admits(Request request)
    {
        if (request.Kind != Kind.Open)
        {
            var ofPeer = _exchanges.Count(each => each.Peer == request.Peer);
            if (_exchanges.Count == MaxExchanges || ofPeer == MaxExchangesPerPeer)
            {
                Reached(_exchanges.Count == MaxExchanges ? "exchanges full" : "exchanges full per peer");
                Fail(request, MeshRefusal.Overloaded);
                return false;
            }
        }

        if (request.Requester is { } requester && Busy() is { Count: MaxRequesters } busy && !busy.Contains(requester))
        {
            Fail(request, MeshRefusal.Overloaded);
            return false;
        }

        request.Due = Now + request.Timeout;
        if (request.Kind != Kind.Open) _exchanges.Add(request);
        return true;
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
            Fail(request, MeshRefusal.StreamFailed);
            return;
        }

        if (!_dials.TryGetValue(request.Peer, out var dial))
        {
            var inUse = _pool.Values.Count(each => each.IsInUse);
            if (inUse + Leaving + _dials.Count >= MaxConnections || _dials.Count == MaxDials)
            {
                Fail(request, MeshRefusal.PoolFull);
                return;
            }

            dial = _dials[request.Peer] = new Dial(request.Peer, request.Address, _dialled++, Now + ConnectTimeout);
            _events.Expect($"dial {request.Address.EndPoint}");
        }

        if (dial.Waiters.Count == MaxWaitersPerPeer || _waiting.Count == MaxWaiters)
        {
            Fail(request, MeshRefusal.TooManyWaiters);
            return;
        }

        dial.Waiters.Add(request);
        _waiting.Add(request);
    }

    /// <summary>The one answer of a request that has no other.</summary>
    private void Fail(Request request, MeshRefusal reason)
    {
        Over(request, reason.Text());
        if (Name(request) is { } name)
            _events.Expect(request.Kind == Kind.Open ? $"{name} is refused {reason}" : $"{name} fails {request.Id} {reason}");
    }

    private void Over(Request request, string outcome)
    {
        Assert.False(request.IsOver);
        request.IsOver = true;
        _exchanges.Remove(request);
        Reached($"{request.Kind} {outcome}");
        if (request.Kind != Kind.Open) _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
    }

    /// <summary>Takes a request out of where it waits, or resets its stream.</summary>
    private void GiveUp(Request request)
    {
        _exchanges.Remove(request);
        if (request.Lease is not null)
        {
            Reset(request);
            return;
        }

        _waiting.Remove(request);
        foreach (var dial in _dials.Values) dial.Waiters.Remove(request);
        foreach (var link in Links)
        {
            if (link.Openings.Find(each => each.Request == request) is not { } opening) continue;
            link.Openings.Remove(opening);
            _late.Add(opening);
            Unused(link);
        }
    }

    // By the one who asked; what others say is nothing to it, nor an id that there is not.
    private void Cancel(int a, int b)
    {
        var all = _exchanges.Concat(_talks.Where(each => each.IsOrphan)).Where(each => each.Kind == Kind.Exchange);
        if (Pick(all, a) is not { } request) return;
        var sender = b % 5 == 0 ? _requesters[b % Requesters] : request.Requester!;
        _world.Concern.Tell(new Cancel(b % 7 == 0 ? 0 : request.Id), sender.Actor);
        if (sender != request.Requester || b % 7 == 0 || request.IsOrphan) return;
        Over(request, "cancelled");
        GiveUp(request);
        Settle();
    }

    private void EndRequester(int at)
    {
        var requester = _requesters[at];
        requester.Die();
        foreach (var request in Requests.Where(each => each.Requester == requester).ToList())
        {
            Over(request, "requester_gone");
            GiveUp(request);
        }

        foreach (var lease in Leases.Where(each => each.Requester == requester))
        {
            Assert.True(lease.Stream.IsAborted);
            EndLease(lease);
        }

        Settle();
        _talks.RemoveAll(each => each.IsOrphan && each.Requester == requester);
        _requesters[at] = _world.Someone();
    }

    /// <summary>Null when it has nobody who could hear of it.</summary>
    private int? Name(Request request) =>
        Array.IndexOf(_requesters, request.Requester) is var at and >= 0 ? at : null;

    private enum Kind
    {
        Open,
        Exchange,
        Send,
    }

    private sealed class Request(Kind kind, Told? requester, int peer, PeerAddress address, ulong id)
    {
        public Kind Kind => kind;

        /// <summary>Null for what nobody waits for.</summary>
        public Told? Requester => requester;

        public int Peer => peer;

        public PeerAddress Address => address;

        public ulong Id => id;

        public TimeSpan Timeout { get; init; }

        public TimeSpan Due { get; set; }

        /// <summary>What the peer must hear.</summary>
        public byte[] Frame { get; } = Wire.Frame(FrameType.Ping, [0x80, .. BitConverter.GetBytes(id)]);

        public object Message => kind switch
        {
            Kind.Open => new OpenStream(NodeId.Parse($"peer-{peer}"), address),
            Kind.Exchange => new Exchange(NodeId.Parse($"peer-{peer}"), address, Frame, Timeout, id),
            _ => new Send(NodeId.Parse($"peer-{peer}"), address, Frame),
        };

        /// <summary>Whether it has had a connection of its own: there is no other for it.</summary>
        public bool HadFresh { get; set; }

        /// <summary>Whether it has been answered, or will never be.</summary>
        public bool IsOver { get; set; }

        /// <summary>Whether the pool has crashed after its stream had ended: its answer is on its way all the same.</summary>
        public bool IsOrphan { get; set; }

        /// <summary>The stream that it runs on.</summary>
        public Lease? Lease { get; set; }

        /// <summary>What the peer says on it if it answers.</summary>
        public byte[] Answer { get; } = Wire.Frame(FrameType.Pong, [0x80, .. BitConverter.GetBytes(~id)]);

        /// <summary>Bytes of the answer that the peer has said.</summary>
        public int Said { get; set; }

        /// <summary>Whether the peer has finished its side.</summary>
        public bool IsFinished { get; set; }
    }
}
