using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>Clients at a port each: the connections of one provider share a port, and so a loop of the server.</summary>
internal static class Crowd
{
    /// <summary>One more.</summary>
    public static Task<IQuicConnection> Connect(QuicConnectOptions options) =>
        new Ngtcp2Provider().ConnectAsync(options).AsTask().WaitAsync(Pair.Patience);

    /// <summary>So many, all of whom get in, at both ends.</summary>
    public static async Task<(IQuicConnection[] Clients, IQuicConnection[] Servers)> Connect(Pair pair, int count)
    {
        var accepting = Task.WhenAll(Enumerable.Range(0, count).Select(_ => pair.Accept()));
        var clients = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Connect(pair.Connecting)));
        return (clients, await accepting);
    }

    public static async Task Dispose(params IEnumerable<IQuicConnection>[] all)
    {
        foreach (var connection in all.SelectMany(some => some)) await connection.DisposeAsync();
    }
}
