using Macula.Actors.Client;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>Clients as the tests want them.</summary>
public static class Connecting
{
    /// <summary>Loses no message to its own buffers, and notices a lost node soon.</summary>
    public static MaculaClientOptions Options(NodeAddress node, string id) => new()
    {
        Server = node.EndPoint,
        Realm = node.Realm,
        NodeId = NodeId.Parse(id),
        Trust = QuicTrust.Pinned(node.Fingerprint),
        ProviderName = "ngtcp2",
        KeepAlive = TimeSpan.FromMilliseconds(500),
        IdleTimeout = TimeSpan.FromSeconds(5),
        ConnectTimeout = TimeSpan.FromSeconds(15),
        CallTimeout = TimeSpan.FromSeconds(20),
        ReconnectMax = TimeSpan.FromSeconds(1),
        SubscriptionBuffer = 100_000,
    };

    public static Task<MaculaClient> ConnectAsync(NodeAddress node, string id) =>
        MaculaClient.ConnectAsync(Options(node, id));

    /// <summary>All clients of an order, a few at a time.</summary>
    public static async Task<IReadOnlyList<MaculaClient>> ConnectAllAsync(WorkOrder order)
    {
        var clients = new MaculaClient[order.Clients.Count];
        await Parallel.ForAsync(0, clients.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (i, _) => clients[i] = await ConnectAsync(order.Node, order.Clients[i].Id));
        return clients;
    }
}
