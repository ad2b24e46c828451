using System.Buffers;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Rpc;

/// <summary>Reads what peers answer to FIND_VALUE and to routed calls.</summary>
internal static class PeerAnswer
{
    // A peer may send a thousand records; nobody tries as many.
    private const int MaxProviders = 64;

    /// <summary>The REPLY, be it bare or in an RPC_ROUTE, which a peer's answer to a routed call is.</summary>
    public static bool TryReply(MeshProtocol.Exchanged answer, out ReplyMessage reply)
    {
        var payload = new ReadOnlySequence<byte>(answer.Payload);
        if (answer.Type == FrameType.Reply) return ReplyMessage.TryDecode(payload, out reply, out _);
        reply = default;
        return answer.Type == FrameType.RpcRoute && RpcRouteMessage.TryDecode(payload, out var route, out _)
            && route.IsReply && ReplyMessage.TryDecode(route.Payload.AsPayload(), out reply, out _);
    }

    /// <summary>Who provides what was asked for, as a peer says: all of them through that peer, and then those who also
    /// say where they listen themselves.</summary>
    public static IReadOnlyList<Provider> Providers(MeshProtocol.Exchanged answer, Peer peer, NodeId self)
    {
        if (answer.Type != FrameType.FindValueReply
            || !FindValueReplyMessage.TryDecode(new ReadOnlySequence<byte>(answer.Payload), out var reply, out _))
            return [];

        List<Provider> through = [];
        List<Provider> themselves = [];
        foreach (var record in reply.Providers())
        {
            // Without metadata it is a subscription; a ttl of 0 withdraws.
            if (record.Metadata.IsEmpty || record.Ttl == 0 || record.NodeId == self) continue;
            if (through.Count == MaxProviders) break;
            through.Add(new Provider(record.NodeId, null, peer));
            if (PeerAddress.TryParse(record.Endpoint.ToString(), out var address) && address != peer.Address)
                themselves.Add(new Provider(record.NodeId, null, new Peer(record.NodeId, address)));
        }

        return [.. through, .. themselves];
    }
}
