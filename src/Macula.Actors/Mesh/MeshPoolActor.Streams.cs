using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Mesh;

// Streams, from being opened to their end.
public sealed partial class MeshPoolActor
{
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
            ? MeshExchange.ExchangeAsync(stream, request.Frame, MaxPayload)
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
}
