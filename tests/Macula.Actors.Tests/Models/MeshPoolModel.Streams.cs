using Macula.Actors.Mesh;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Models;

// Streams, from being opened to their end.
internal sealed partial class MeshPoolModel
{
    private void OpenOn(Request request, Link link)
    {
        if (Links.Sum(each => each.Uses) == MaxStreams || link.Uses == MaxStreamsPerPeer)
        {
            Fail(request, MeshRefusal.Overloaded);
            return;
        }

        var opening = new Opening(request, link, link.Asked++);
        if (!link.Quic.IsSlow)
        {
            Opened(opening);
            return;
        }

        if (link.Openings.Count == MaxWaitersPerPeer || _waiting.Count == MaxWaiters)
        {
            _late.Add(opening);
            link.Used(_step, Now);
            Fail(request, MeshRefusal.TooManyWaiters);
            return;
        }

        link.Openings.Add(opening);
        _waiting.Add(request);
    }

    private void Opened(Opening opening)
    {
        var (request, link) = (opening.Request, opening.Link);
        var lease = request.Lease = new Lease(request.Requester, link, link.Quic.Openings[opening.Number].Stream);
        link.Leases.Add(lease);
        if (request.Kind != Kind.Open)
        {
            Start(request);
            return;
        }

        Over(request, "ok");
        _events.Expect($"{Name(request)} has {lease.Stream}");
        if (lease.Stream.IsClosed) EndLease(lease);
    }

    private void EndOpening(int a, int b, bool isOpen)
    {
        if (Pick(Links.SelectMany(link => link.Openings), a) is not { } opening) return;
        var (request, link) = (opening.Request, opening.Link);
        var quic = link.Quic.Openings[opening.Number];
        link.Openings.Remove(opening);
        _waiting.Remove(request);
        if (isOpen)
        {
            if (b % 8 == 0) quic.Stream.Break();
            quic.Result.SetResult(quic.Stream);
            Opened(opening);
            return;
        }

        quic.Result.SetException(new QuicTransportException(QuicTransportError.StreamAborted, "no stream"));
        Unused(link);
        if (_pool.GetValueOrDefault(link.Peer) == link) Die(link, isDead: false);
        Retry(request);
        Settle();
    }

    private void Retry(Request request)
    {
        if (request.HadFresh) Fail(request, MeshRefusal.StreamFailed);
        else Continue(request);
    }

    // One that lingers ends here also when nobody has it any more.
    private void EndStream(int a)
    {
        if (Pick(Leases.Union(_talks.Where(each => each.IsOver).Select(each => each.Lease!)), a) is not { } lease) return;
        lease.Stream.End();
        Ended(lease);
        Settle();
    }

    private void Ended(Lease lease)
    {
        EndLease(lease);
        if (_talks.Find(each => each.Lease == lease) is not { } request) return;
        if (request is { Kind: Kind.Send, IsFinished: true }) Sent(request);
        else if (lease.Stream.IsAborted) EndTalk(request);
    }

    private void EndLease(Lease lease)
    {
        if (lease.Link.Leases.Remove(lease)) Unused(lease.Link);
    }

    /// <summary>The pool hears last that a stream has ended which it has reset itself.</summary>
    private void Settle()
    {
        foreach (var lease in _ended) EndLease(lease);
        _ended.Clear();
    }

    private void Unused(Link link)
    {
        link.Used(_step, Now);
        if (!link.IsInUse && _retired.GetValueOrDefault(link.Peer) == link) Lose(link);
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

    private sealed record Opening(Request Request, Link Link, int Number);

    private sealed class Lease(Told? requester, Link link, ModelStream stream)
    {
        public Told? Requester => requester;

        public Link Link => link;

        public ModelStream Stream => stream;
    }
}
