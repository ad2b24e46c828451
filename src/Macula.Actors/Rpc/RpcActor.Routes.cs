using Akka.Actor;
using Akka.Event;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Rpc;

// Calls and replies of other nodes, for clients here or further on.
public sealed partial class RpcActor
{
    // ---- routes

    private void OnRouteHere(Route msg)
    {
        if (msg.Message.IsCall) OnRoutedCall(msg, null);
        else OnReplyHere(msg);
    }

    private void OnRouteElsewhere(Route msg)
    {
        if (msg.Message.IsCall) OnRoutedCall(msg, msg.Message);
        else OnReplyElsewhere(msg);
    }

    private void OnRoutedCall(Route msg, RpcRouteMessage? onward)
    {
        if (CallMessage.TryDecode(msg.Message.Payload.AsPayload(), out var message, out var error))
            Begin(New(msg, message.CallId), message, msg.Lease, onward);
        else
            Refuse(New(msg, default), msg.Lease, ReplyErrorCodes.InvalidRequest, error.ToString());
    }

    // Peers of the reference's kind answer with a message of its own instead of on the call's stream.
    private void OnReplyHere(Route msg)
    {
        msg.Lease.Return();
        if (ReplyMessage.TryDecode(msg.Message.Payload.AsPayload(), out var reply, out _)
            && _routedIds.NumberIn(reply.CallId) is { } id && _exchanges.GetValueOrDefault(id) is PendingCall call
            && call.Destination.IsEmpty && call.Peer == msg.Message.Source)
        {
            Abandon(call);
            OnRoutedReply(call, reply);
            return;
        }

        _metrics.LateReply();
    }

    // A client that provides what is called is called itself, and watched; another gets the message as it is.
    private void TryDestination(PendingCall call, IReadOnlyList<RegistryProtocol.Provider> live, int local)
    {
        for (var i = 0; i < local; i++)
        {
            if (live[i].Node != call.Destination) continue;
            (call.Candidates, call.CandidateCount) = ([live[i]], 1);
            TryNext(call);
            return;
        }

        PassOn(call);
    }

    private void PassOn(PendingCall call) =>
        _clients.Tell(new ClientProtocol.Deliver(call.Destination, call.Frame, null, call, default));

    private void OnReplyElsewhere(Route msg)
    {
        var route = msg.Message;
        if (ReplyMessage.TryDecode(route.Payload.AsPayload(), out var reply, out _)
            && _calls.TryGetPassedOn(route.Destination, reply.CallId, out var call))
        {
            msg.Lease.Return();
            if (call.Exchange != 0) Abandon(call);
            Answer(call, reply);
            return;
        }

        _clients.Tell(new ClientProtocol.Deliver(route.Destination, route.ToFrame(), null, msg, msg.Lease));
    }

    private void OnNotConnected(ClientProtocol.NotConnected msg)
    {
        if (msg.Tag is PendingCall call)
        {
            msg.Lease.Return();
            if (_calls.Contains(call)) FindWay(call);
        }
        else FindWay((Route)msg.Tag, msg.Lease);
    }

    private void FindWay(PendingCall call)
    {
        var route = call.Route();
        if (!HasHopsLeft(route))
            Fail(
                call, ReplyErrorCodes.MaxHopsExceeded,
                $"The message has made {route.HopCount} hops of {Math.Min(route.MaxHops, _options.MaxHops)}.");
        else if (_mesh.IsNobody())
            FailNoRoute(call);
        else
            _registry.Tell(new RegistryProtocol.FindNextHops(route.Destination, route.Source, call.Id));
    }

    // Of a reply nobody waits for here: it keeps its credit until it has gone on.
    private void FindWay(Route reply, FrameLease lease)
    {
        if (_mesh.IsNobody() || !HasHopsLeft(reply.Message) || IsFullOfLookups())
        {
            Drop(lease);
            return;
        }

        var id = ++_lastId;
        _replies.Add(id, reply with { Lease = lease });
        CountLookups();
        _registry.Tell(new RegistryProtocol.FindNextHops(reply.Message.Destination, reply.Message.Source, id));
    }

    private void Drop(FrameLease lease)
    {
        lease.Return();
        _metrics.LateReply();
        _log.Debug("Routed reply dropped: no way to its caller");
    }

    private void OnNextHops(RegistryProtocol.NextHops msg)
    {
        if (_replies.Remove(msg.Id, out var reply))
        {
            CountLookups();
            if (msg.Peers.Count == 0)
            {
                Drop(reply.Lease);
                return;
            }

            var (node, address) = msg.Peers[0];
            _mesh.Tell(new MeshProtocol.Send(node, address, Onward(reply.Message).ToFrame()));
            reply.Lease.Return();
        }
        else if (_calls.TryGet(msg.Id, out var call))
        {
            RegistryProtocol.Provider[] hops =
                [.. msg.Peers.Select(peer => new RegistryProtocol.Provider(default, null, peer))];
            (call.Candidates, call.CandidateCount, call.Turn) = (hops, hops.Length, 0);
            TryNext(call);
        }
    }

    private bool HasHopsLeft(RpcRouteMessage route) => route.HopCount < Math.Min(route.MaxHops, _options.MaxHops);

    private static RpcRouteMessage Onward(RpcRouteMessage route) => route with { HopCount = route.HopCount + 1 };
}
