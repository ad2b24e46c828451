using Macula.Actors.Transport.Ngtcp2.Dialing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2ConnectionSpecs
{
    [Fact]
    public async Task A_dead_peer_is_noticed_at_the_idle_timeout()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams(
            options => options with { IdleTimeout = TimeSpan.FromMilliseconds(500) });

        await pair.KillServer();
        var reading = client.Input.ReadAsync().AsTask();

        await Pair.Fails(QuicTransportError.ConnectionIdle, () => reading);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_restarted_server_ends_old_connections_with_a_stateless_reset()
    {
        await using var before = await Pair.Listen();
        var (client, _) = await before.Streams();
        var address = before.Listener.LocalEndPoint;
        await before.KillServer();
        await using var after = await Pair.Listen(options => options with { EndPoint = address });

        // A late acknowledgement may have brought the reset already; then the write fails for it.
        await Record.ExceptionAsync(() => Pair.Write(client, new byte[100]));

        Assert.Equal(QuicTransportError.StatelessReset, (await Pair.Ended(client.Connection)).Error);
        await client.Connection.DisposeAsync();
    }

    [Fact]
    public async Task An_abort_cuts_a_close_short_that_waits_for_acknowledgements()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams(options => options with { CloseTimeout = TimeSpan.FromHours(1) });
        var stuck = client.Output.WriteAsync(new byte[2_000_000]).AsTask();
        var closing = client.Connection.CloseAsync(1).AsTask();
        Assert.False(closing.IsCompleted);

        client.Connection.Abort(2);

        await closing.WaitAsync(Pair.Patience);
        await Pair.Fails(QuicTransportError.OperationAborted, () => stuck);
        Assert.Equal(2, (await Pair.Ended(server.Connection)).ErrorCode);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_read_that_waits_is_told_when_its_stream_is_disposed()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams();
        var reading = client.Input.ReadAsync().AsTask();

        await client.DisposeAsync();

        await Pair.Fails(QuicTransportError.OperationAborted, () => reading);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_host_with_several_addresses_is_reached_at_the_one_that_answers()
    {
        await using var pair = await Pair.Listen();
        await using var dead = await Pair.Listen();
        var (silent, alive) = (dead.Listener.LocalEndPoint, pair.Listener.LocalEndPoint);
        await dead.KillServer();
        var dialer = new Dialer(new(), new(), NullLogger.Instance);

        await using var client = await Race.First(
            [silent, alive], (to, token) => dialer.Dial(pair.Connecting, to, "localhost", token), default)
            .WaitAsync(Pair.Patience);

        Assert.Equal(alive, client.RemoteEndPoint);
        await (await pair.Accept()).DisposeAsync();
    }
}
