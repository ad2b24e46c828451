using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Rpc;

// From one provider to the next, until one replies.
public sealed partial class RpcActor
{
    // ---- attempts

    private void TryAll(PendingCall call, IReadOnlyList<RegistryProtocol.Provider> candidates, int count, long turn)
    {
        if (count == 0)
        {
            FailUnknown(call);
            return;
        }

        (call.Candidates, call.CandidateCount) = (candidates, count);
        call.Turn = ProviderChoice.First(_options.Strategy, count, turn);
        TryNext(call);
    }

    private void TryNext(PendingCall call)
    {
        while (call.Attempts < _options.MaxAttempts)
        {
            var next = ProviderChoice.Next(call, _options.Strategy, _running);
            if (next < 0) break;
            if (call.Attempts > 0) _metrics.CallFailedOver();
            call.Try(next);
            _metrics.CallAttempted();
            var candidate = call.Candidates[next];
            if (candidate.Stream is { } stream ? TrySend(call, stream) : TryExchange(call, candidate)) return;
        }

        if (call.Failure is var (code, message)) Fail(call, code, message);
        else FailNoRoute(call);
    }

    private void FailNoRoute(PendingCall call) =>
        Fail(call, ReplyErrorCodes.NoRoute, $"No way is known to {call.Destination}.");

    private bool TrySend(PendingCall call, IFrameSink stream)
    {
        var left = Left(call);
        var asItIs = call.Destination.IsEmpty && call.Timeout - left <= TickInterval.Milliseconds;
        var frame = asItIs
            ? call.Frame
            : (call.Message() with { CallId = _ids.Of(call.Id), Timeout = left }).ToFrame();
        _calls.Assign(call, stream);
        _callers.Set(_calls.Parties);
        if (stream.TrySend(frame, FrameDelivery.Refusable)) return true;
        _calls.Unassign(call);
        call.Failed(ReplyErrorCodes.Overloaded, $"No provider of {call.Procedure} takes a call now; try again.");
        return false;
    }

    private bool TryExchange(PendingCall call, RegistryProtocol.Provider provider)
    {
        var peer = provider.Peer!;
        if (_mesh.IsNobody())
        {
            call.Failed(ReplyErrorCodes.NoRoute, $"No way is known to {peer.Node}.");
            return false;
        }

        var id = ++_lastId;
        var route = call.Destination.IsEmpty
            ? RpcRouteMessage.ForCall(
                peer.Node, _self, call.Message() with { CallId = _routedIds.Of(id), Timeout = Left(call) })
            : Onward(call.Route());
        _calls.Assign(call, peer.Node, id);
        _exchanges.Add(id, call);
        _mesh.Tell(new MeshProtocol.Exchange(
            peer.Node, peer.Address, route.ToFrame(), call.Due - Now, id, ProviderChoice.IsDialled(provider)));
        return true;
    }

    private static int Left(PendingCall call) => Math.Max(1, (int)(call.Due - Now).TotalMilliseconds);

    private void FailOver(PendingCall call, string code, string message)
    {
        _calls.Unassign(call);
        call.Failed(code, message);
        TryNext(call);
    }

    private void FailOverGone(PendingCall call) =>
        FailOver(call, ReplyErrorCodes.ProviderGone, $"The provider of {call.Procedure} left before it replied.");

    // ---- replies

    private void OnReply(Reply msg)
    {
        if (_ids.NumberIn(msg.Message.CallId) is not { } id || !_calls.TryGet(id, out var call) || call.At is not { } at
            || (at.Stream != msg.Provider && !msg.Provider.Connection.Equals(at.Party.Actor)))
        {
            _metrics.LateReply();
            return;
        }

        Answer(call, msg.Message);
    }

    private void OnCompleted(Completed msg)
    {
        _handlers.Complete(Sender, msg.Id, out var forgotten);
        if (forgotten) Unwatch(Sender);
        if (!_calls.TryGet(msg.Id, out var call) || call.At is not { Stream: null } at
            || !Sender.Equals(at.Party.Actor))
        {
            _metrics.LateReply();
            return;
        }

        Answer(call, msg.Code is null
            ? new ReplyMessage(call.CallId, msg.Result)
            : ReplyMessage.Failed(call.CallId, msg.Code, msg.Message ?? ""));
    }

    private void OnExchanged(MeshProtocol.Exchanged msg)
    {
        if (!_exchanges.Remove(msg.Id, out var waiting)) _metrics.LateReply();
        else if (waiting is Lookup lookup) OnPeersProviders(lookup, msg);
        else OnPeersReply((PendingCall)waiting, msg);
    }

    private void OnPeersReply(PendingCall call, MeshProtocol.Exchanged msg)
    {
        var expected = call.Destination.IsEmpty ? _routedIds.Of(msg.Id) : call.CallId;
        if (!PeerAnswer.TryReply(msg, out var reply) || reply.CallId != expected) FailOverGone(call);
        else OnRoutedReply(call, reply);
    }

    // What says that the call met no provider is no answer of one. A call that was passed on for another node has its
    // failover there.
    private void OnRoutedReply(PendingCall call, in ReplyMessage reply)
    {
        if (call.Destination.IsEmpty && reply.Error is { } error && error.Code.ToString() is
            ReplyErrorCodes.NoRoute or ReplyErrorCodes.MaxHopsExceeded or ReplyErrorCodes.NoHandler)
            FailOver(call, error.Code.ToString(), error.Message.ToString());
        else
            Answer(call, reply);
    }

    private void OnExchangeFailed(MeshProtocol.ExchangeFailed msg)
    {
        if (msg is { Reason: MeshRefusal.ConnectFailed, Address: { } address })
            _registry.Tell(new RegistryProtocol.PeerFailed(new(msg.Peer, address)));
        if (!_exchanges.Remove(msg.Id, out var waiting)) return;
        if (waiting is Lookup lookup)
        {
            lookup.Asked!.Remove(msg.Id);
            lookup.IsUncertain |= msg.Reason == MeshRefusal.Timeout;
            if (lookup.Asked.Count == 0) Missed(lookup, lookup.IsUncertain ? "timeout" : "missed");
            return;
        }

        var call = (PendingCall)waiting;
        if (msg.Reason is MeshRefusal.StreamFailed or MeshRefusal.Removed) FailOverGone(call);
        else FailOver(call, Code(msg.Reason), msg.Message);
    }

    private static string Code(MeshRefusal reason) => reason switch
    {
        MeshRefusal.PoolFull or MeshRefusal.TooManyWaiters or MeshRefusal.Overloaded => ReplyErrorCodes.Overloaded,
        MeshRefusal.Timeout => ReplyErrorCodes.Timeout,
        MeshRefusal.FrameTooLarge => ReplyErrorCodes.InvalidRequest,
        MeshRefusal.InternalError => ReplyErrorCodes.InternalError, // it was on its way, and may have run
        _ => ReplyErrorCodes.NoRoute,
    };
}
