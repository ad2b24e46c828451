using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Clients that do nothing after they have connected or subscribed.</summary>
internal static class IdleClients
{
    /// <summary>How many connect at once, of all servers.</summary>
    public const int Width = 16;

    public static Task<INeighbourClient[]> ConnectAsync(Bed bed, int count, CancellationToken cancellationToken) =>
        Crowd.GatherAsync(count, Width, (_, stop) => bed.ConnectAsync(stop), cancellationToken);

    /// <param name="topic">Of the client with this number.</param>
    public static Task SubscribeAsync(
        IReadOnlyList<INeighbourClient> clients, Func<int, string> topic, CancellationToken cancellationToken) =>
        Crowd.EachAsync(
            clients.Count, Width,
            async (i, stop) => await clients[i].SubscribeAsync(topic(i), stop).ConfigureAwait(false), cancellationToken);
}
