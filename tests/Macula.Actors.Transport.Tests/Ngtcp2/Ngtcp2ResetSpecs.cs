using System.Security.Cryptography;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Connections;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>What is said of connections that are no more (RFC 9000, sections 10.2 and 10.3).</summary>
[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2ResetSpecs
{
    protected virtual int Loops => 1;

    [Fact]
    public async Task With_the_same_secret_a_restarted_server_resets_old_connections_even_under_a_new_certificate()
    {
        var defence = new Ngtcp2Options { Secret = RandomNumberGenerator.GetBytes(Ngtcp2Options.ShortestSecret) };
        var before = await Pair.Listen(defence: defence, loops: Loops);
        var (client, _) = await before.Streams();
        var address = before.Listener.LocalEndPoint;
        await before.KillServer();
        await using var after = await Pair.Listen(
            options => options with { EndPoint = address, Certificate = TestCertificates.Stranger.Server }, defence, loops: Loops);

        await Record.ExceptionAsync(() => Pair.Write(client, new byte[100]));

        Assert.Equal(QuicTransportError.StatelessReset, (await Pair.Ended(client.Connection)).Error);
        Assert.Equal(1, before.Metrics.ResetsReceived);
        Assert.InRange(after.Metrics.ResetsSent, 1, 100);
        await client.Connection.DisposeAsync();
    }

    /// <summary>A server can judge it once it uses another than the client's first id, which has no token (RFC 9000,
    /// section 18.2).</summary>
    [Fact]
    public async Task A_client_that_has_forgotten_a_connection_says_so()
    {
        await using var pair = await Pair.Listen(defence: new Ngtcp2Options { MaxClosing = 0 }, loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        var (client, server) = await pair.Streams(options => options with { EndPoint = network.EndPoint });
        var (other, _) = await pair.Streams(); // keeps the client's port open
        network.IsClientUnheard = true;
        client.Connection.Abort(1);
        await Pair.Ended(client.Connection);

        await Pair.Write(server, new byte[100]);

        await Pair.Until(() => pair.Metrics.ResetsSent > 0, () => "the client has not answered");
        Assert.False(server.Connection.Closed.IsCompleted);
        await server.Connection.DisposeAsync();
        await other.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Closed_connections_are_remembered_up_to_a_limit()
    {
        const int Connections = 10;
        const int Most = 3;
        await using var pair = await Pair.Listen(defence: new Ngtcp2Options { MaxClosing = Most }, loops: Loops);
        List<IQuicConnection> all = [];
        for (var i = 0; i < Connections; i++)
        {
            var (client, server) = await pair.Both();
            all.AddRange([client, server]);
        }

        // In one turn of the loop, so that none is over before the last begins. A client's connections are all on one loop.
        var counted = pair.Group.Loops.Select(loop =>
        {
            var closed = new TaskCompletionSource<(int, long)>();
            loop.Post(() =>
            {
                foreach (var session in loop.Sessions.ToArray())
                    session.Close(new CloseRequest(0, "", Orderly: false));
                closed.SetResult((pair.Group.Tombstones, pair.Metrics.Forgotten));
            });
            return closed.Task;
        });

        Assert.Contains((Most, Connections - Most), await Task.WhenAll(counted).WaitAsync(Pair.Patience));
        foreach (var connection in all)
        {
            await Pair.Ended(connection);
            await connection.DisposeAsync();
        }

        await Pair.Until(() => pair.Metrics.Closing == 0, () => $"closing: {pair.Metrics.Closing}");
    }

    [Fact]
    public async Task A_reset_is_shorter_than_what_asked_for_it_and_what_is_too_short_gets_none()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);

        foreach (var length in new[] { 23, 30, 43, 1200 })
        {
            await stranger.SendAsync(OfNoConnection(length));
            Assert.InRange((await stranger.ReceiveAsync(Pair.Patience)).Length, 21, length - 1);
        }

        await stranger.SendAsync(OfNoConnection(21));
        await stranger.SendAsync(OfNoConnection(50));
        Assert.True((await stranger.ReceiveAsync(Pair.Patience)).Length > 20);
        Assert.Equal(5, pair.Metrics.ResetsSent);
    }

    private static byte[] OfNoConnection(int length)
    {
        var packet = RandomNumberGenerator.GetBytes(length);
        packet[0] = 0x40;
        return packet;
    }
}
