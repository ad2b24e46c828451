using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Mesh;

// What is asked of the pool, from the question to its one answer.
public sealed partial class MeshPoolActor
{
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

        if (msg.Frame.Length > Frame.HeaderLength + MaxPayload)
        {
            // The peer would close the connection, and with it end what others have under way there.
            RefuseExchange(
                Sender, msg.Id, msg.Peer, MeshRefusal.FrameTooLarge,
                $"The frame has {msg.Frame.Length} bytes; peers take {Frame.HeaderLength + MaxPayload}.");
            return;
        }

        if (!HasRoomForExchange(msg.Peer) || _parties.Of(Sender, now) is not { } party)
        {
            RefuseExchange(Sender, msg.Id, msg.Peer, MeshRefusal.Overloaded, TooManyExchangesText);
            return;
        }

        var request = new MeshRequest(MeshRequestKind.Exchange, msg.Peer, msg.Address, Sender, party)
        { Id = msg.Id, Frame = msg.Frame, IsHearsay = msg.IsHearsay };
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
        request.Owner = this;
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

        if (Usable(request.Peer, request.Address, request.IsHearsay) is { } link)
        {
            OpenOn(request, link);
            return;
        }

        if (request.HadFreshConnection)
        {
            Fail(request, MeshRefusal.StreamFailed, LostText);
            return;
        }

        if (_dials.TryGetValue(request.Peer, out var dial) && dial.IsHearsay && !request.IsHearsay
            && dial.Link.Address != request.Address)
        {
            Drop(dial.Link, "replaced", MeshRefusal.ConnectFailed, $"{request.Peer} is known at {request.Address}.");
            dial = null;
        }

        if (dial is null)
        {
            if (WhyNoDial(request.IsHearsay) is { } why)
            {
                Fail(request, MeshRefusal.PoolFull, why);
                return;
            }

            dial = Dial(request.Peer, request.Address, request.IsHearsay);
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

    private void Fail(MeshRequest request, MeshRefusal reason, string message)
    {
        if (!End(request)) return;
        if (request.Kind == MeshRequestKind.Open) Refuse(request.Requester, request.Peer, reason, message);
        else if (request.Kind == MeshRequestKind.Exchange)
            RefuseExchange(request.Requester, request.Id, request.Peer, reason, message, request.Address);
        else
            _metrics.MeshExchangeEnded(reason.Text());
    }

    /// <summary>The one way out of a request. False: it was out already.</summary>
    /// <param name="abort">Whether to reset the stream that it runs on.</param>
    private bool End(MeshRequest request, bool abort = true)
    {
        if (request.IsOver) return false;
        request.IsOver = true;
        if (request.Owner != this) return true; // of a life before, which took its counts along
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

    private void RefuseExchange(
        IActorRef requester, ulong id, NodeId peer, MeshRefusal reason, string message, PeerAddress? address = null)
    {
        _metrics.MeshExchangeEnded(reason.Text());
        requester.Tell(new ExchangeFailed(id, peer, reason, message, address));
    }

    // Of a peer's frame and of ours to it.
    private int MaxPayload => _maxFrameSize + ProtocolLimits.MaxRouteOverhead;
}
