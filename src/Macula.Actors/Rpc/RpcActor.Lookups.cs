using Akka.Actor;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;

namespace Macula.Actors.Rpc;

// Who provides a procedure: asked once for all callers, here and then of peers.
public sealed partial class RpcActor
{
    // ---- lookups

    // One question for all callers of a procedure. While peers are asked for it, each new caller has the registry look
    // again: a provider may have come meanwhile, and nobody shall wait for a peer that does not answer.
    private void Look(PendingCall call, Lookup? lookup, DhtKey key, FrameLease lease)
    {
        var isNew = lookup is null;
        if (lookup is null) _lookups.Add(lookup = new Lookup(++_lastId, key, !call.RoutedFrom.IsEmpty));
        LookupTable.Join(lookup, call);
        CountLookups();
        if (isNew || lookup.Asked is not null)
            _registry.Tell(new RegistryProtocol.FindProviders(key, lookup.Id, lease));
        else
            lease.Return();
    }

    private void OnProviders(RegistryProtocol.Providers msg)
    {
        if (!_lookups.TryGet(msg.Id, out var lookup)) return; // nobody waits any more
        if (msg.Live.Count > 0) Found(lookup, msg.Live, msg.Turn, "local");
        else if (lookup.Asked is not null) return; // the answer to a later caller's question
        else if (lookup.IsLocal || msg.Ask.Count == 0 || _mesh.IsNobody()) Missed(lookup, "missed");
        else Ask(lookup, msg.Ask);
    }

    private void Ask(Lookup lookup, IReadOnlyList<RegistryProtocol.Peer> peers)
    {
        var frame = new FindValueMessage(lookup.Key.ToArray()).ToFrame();
        lookup.Asked = [];
        _lookups.SetDeadline(lookup, Now + _options.LookupTimeout);
        foreach (var peer in peers)
        {
            var id = ++_lastId;
            lookup.Asked.Add(id, peer);
            _exchanges.Add(id, lookup);
            _mesh.Tell(new MeshProtocol.Exchange(peer.Node, peer.Address, frame, _options.LookupTimeout, id));
        }
    }

    private void OnPeersProviders(Lookup lookup, MeshProtocol.Exchanged msg)
    {
        lookup.Asked!.Remove(msg.Id, out var peer);
        var providers = PeerAnswer.Providers(msg, peer!, _self);
        if (providers.Count > 0)
        {
            _registry.Tell(new RegistryProtocol.Learned(lookup.Key, providers));
            Found(lookup, providers, 0, "learned");
        }
        else if (lookup.Asked.Count == 0) Missed(lookup, "missed");
    }

    private void Found(Lookup lookup, IReadOnlyList<RegistryProtocol.Provider> live, long turn, string outcome)
    {
        Close(lookup, outcome);
        var local = LocalCount(live); // those of this node come first
        while (lookup.Waiting.First?.Value is { } call)
        {
            LookupTable.Leave(call);
            if (!call.Destination.IsEmpty) TryDestination(call, live, local);
            else TryAll(call, live, call.RoutedFrom.IsEmpty ? live.Count : local, turn++);
        }
    }

    private void Missed(Lookup lookup, string outcome)
    {
        Close(lookup, outcome);
        while (lookup.Waiting.First?.Value is { } call)
        {
            LookupTable.Leave(call);
            if (!call.Destination.IsEmpty) PassOn(call);
            else if (lookup.IsUncertain)
                Fail(
                    call, ReplyErrorCodes.Timeout,
                    $"The nodes that were asked for {call.Procedure} did not answer in time.");
            else FailUnknown(call);
        }
    }

    private void FailUnknown(PendingCall call) => Fail(
        call, call.RoutedFrom.IsEmpty ? ReplyErrorCodes.NoSuchProcedure : ReplyErrorCodes.NoHandler,
        $"No handler registered for {call.Procedure}");

    // The only way out for a lookup; who waits for it is still in it.
    private void Close(Lookup lookup, string outcome)
    {
        if (!_lookups.Remove(lookup)) return;
        foreach (var id in lookup.Asked?.Keys.ToArray() ?? [])
        {
            _exchanges.Remove(id);
            _mesh.Tell(new MeshProtocol.Cancel(id));
        }

        CountLookups();
        _metrics.LookupEnded(outcome);
    }

    private static int LocalCount(IReadOnlyList<RegistryProtocol.Provider> live)
    {
        var (from, to) = (0, live.Count);
        while (from < to)
        {
            var middle = (from + to) / 2;
            if (live[middle].Stream is null) to = middle;
            else from = middle + 1;
        }

        return from;
    }
}
