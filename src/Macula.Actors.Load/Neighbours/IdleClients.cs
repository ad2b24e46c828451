using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Clients that do nothing after they have connected or subscribed.</summary>
internal static class IdleClients
{
    /// <summary>How many connect at once, of all servers.</summary>
    public const int Width = 16;

    public static async Task<INeighbourClient[]> ConnectAsync(Bed bed, int count, CancellationToken cancellationToken)
    {
        var clients = new INeighbourClient[count];
        try
        {
            await Crowd.EachAsync(
                count, Width, async (i, stop) => clients[i] = await bed.ConnectAsync(stop).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
            return clients;
        }
        catch
        {
            await EndAsync(clients).ConfigureAwait(false);
            throw;
        }
    }

    /// <param name="topic">Of the client with this number.</param>
    public static Task SubscribeAsync(
        IReadOnlyList<INeighbourClient> clients, Func<int, string> topic, CancellationToken cancellationToken) =>
        Crowd.EachAsync(
            clients.Count, Width,
            async (i, stop) => await clients[i].SubscribeAsync(topic(i), stop).ConfigureAwait(false), cancellationToken);

    public static async Task EndAsync(IEnumerable<INeighbourClient?> clients)
    {
        foreach (var client in clients)
        {
            if (client is null) continue;
            client.Die();
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }
}
