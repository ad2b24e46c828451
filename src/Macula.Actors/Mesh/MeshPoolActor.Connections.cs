using Akka.Actor;
using Akka.Event;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshConnectionProtocol;

namespace Macula.Actors.Mesh;

// Connections, from the dial to the end.
public sealed partial class MeshPoolActor
{
    private const int HearsayShare = 4; // of max-dials, one in so many

    // A dial needs a place: a free one, or an idle connection that no other dial counts on.
    private string? WhyNoDial(bool isHearsay)
    {
        if (_pool.Pinned + _leaving + _dials.Count >= _options.MaxConnections)
        {
            _connectionTable.Reject();
            LogFull();
            return $"The pool's {_options.MaxConnections} connections are all in use or being made.";
        }

        // Any client can name addresses where nobody answers; those that peers are known by must have dials left.
        if (isHearsay && _hearsay >= Math.Max(1, _options.MaxDials / HearsayShare))
        {
            _dialTable.Reject("hearsay");
            return $"{_hearsay} connections to addresses that clients have stored are being made already.";
        }

        if (_dials.Count < _options.MaxDials) return null;
        _dialTable.Reject();
        return $"{_dials.Count} connections are being made already.";
    }

    private MeshDial Dial(NodeId peer, PeerAddress address, bool isHearsay)
    {
        var link = new MeshLink(++_kept.LastAttempt, peer, address) { Owner = this };
        _log.Debug("Connecting to {Peer} at {Address}", peer, address);
        link.Actor = Context.ActorOf(
            MeshConnectionActor.Props(link, _provider, _connect, _options.ConnectTimeout), $"peer-{link.Attempt}");
        _living.Add(link.Actor);
        Watch(link.Actor, link);
        var dial = new MeshDial(link) { IsHearsay = isHearsay };
        if (isHearsay) _hearsay++;
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
        if (dial.IsHearsay) _hearsay--;
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
            Enter(lease, lease.Requester.IsNobody() ? null : _parties.Of(lease.Requester, Now), Now);
        CloseIfUnwanted(link);
    }

    // Or those who ask meanwhile could take the places of those who have streams, which nobody would watch any more.
    private void ReserveForOwners()
    {
        foreach (var owner in _kept.Owners)
        {
            var isOpen = owner.Leases.ToList().Exists(lease => !lease.IsEnded);
            if (!isOpen || _parties.Of(owner.Actor, Now) is not { } party) continue;
            _parties.Pin(party, Now);
            _reserved.Add(party);
        }
    }

    private void ContinueParked()
    {
        if (_unidentified.Count > 0) return;
        foreach (var party in _reserved) _parties.Unpin(party, Now);
        _reserved.Clear();
        _kept.Owners.Clear();
        var parked = _parked.ToList();
        foreach (var request in parked) EndWait(request);
        foreach (var request in parked) Continue(request);
    }

    /// <summary>The pooled connection to a peer at this address, if it is alive; one that is found dead is dropped.
    /// Hearsay of another address does not move a peer.</summary>
    private MeshLink? Usable(NodeId peer, PeerAddress address, bool isHearsay = false)
    {
        if (!_pool.TryGet(peer, out var entry) || (entry.Value.Address != address && !isHearsay)) return null;
        if (!entry.Value.Closed!.IsCompleted) return entry.Value;
        _log.Info("The connection to {Peer} is dead, recreating it", peer);
        Drop(entry.Value, "lost", MeshRefusal.StreamFailed, LostText);
        return null;
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
}
