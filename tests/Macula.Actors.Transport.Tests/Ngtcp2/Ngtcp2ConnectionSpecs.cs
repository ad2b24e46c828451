namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2ConnectionSpecs
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_close_carries_its_code_and_reason(bool byClient)
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Both();
        var (closer, other) = byClient ? (client, server) : (server, client);
        var accepting = other.AcceptStreamAsync().AsTask();

        await closer.CloseAsync(1234, "so long").AsTask().WaitAsync(Pair.Patience);

        var ours = await Pair.Ended(closer);
        Assert.Equal(new QuicClosed(QuicTransportError.None, 1234, false, "so long"), ours);
        var theirs = await Pair.Ended(other);
        Assert.Equal((QuicTransportError.ConnectionAborted, 1234L, true), (theirs.Error, theirs.ErrorCode, theirs.ByPeer));
        Assert.Contains("so long", theirs.Reason, StringComparison.Ordinal);
        var thrown = await Pair.Fails(QuicTransportError.ConnectionAborted, () => accepting);
        Assert.Equal(1234, thrown.ErrorCode);
        await Pair.Fails(QuicTransportError.OperationAborted, () => Pair.Open(closer));
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_orderly_close_delivers_what_was_written()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams();
        var sent = Pair.SomeBytes(200_000);
        await Pair.Write(client, sent);

        await client.Connection.CloseAsync(0).AsTask().WaitAsync(Pair.Patience);

        Assert.Equal(sent, await Pair.Read(server, sent.Length));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task An_abort_ends_everything_that_waits()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams(options => options with { SendBuffer = 4096 });
        var reading = client.Input.ReadAsync().AsTask();
        var writing = client.Output.WriteAsync(new byte[1_000_000]).AsTask();
        var accepting = client.Connection.AcceptStreamAsync().AsTask();

        client.Connection.Abort(3, "enough");

        await Pair.Fails(QuicTransportError.OperationAborted, () => reading);
        await Pair.Fails(QuicTransportError.OperationAborted, () => writing);
        await Pair.Fails(QuicTransportError.OperationAborted, () => accepting);
        await client.Closed.WaitAsync(Pair.Patience);
        Assert.Equal(3, (await Pair.Ended(server.Connection)).ErrorCode);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_dispose_sends_the_default_code()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Both(options => options with { DefaultCloseErrorCode = 55 });

        await client.DisposeAsync().AsTask().WaitAsync(Pair.Patience);

        Assert.Equal(55, (await Pair.Ended(server)).ErrorCode);
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_silent_connection_ends_at_the_idle_timeout()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Both(options => options with { IdleTimeout = TimeSpan.FromMilliseconds(300) });

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error);
        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(server)).Error);
        await Pair.Fails(QuicTransportError.ConnectionIdle, () => Pair.Open(client));
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Keep_alive_outlives_the_idle_timeout()
    {
        await using var pair = await Pair.Listen();
        var kept = await pair.Both(options => options with
        {
            IdleTimeout = TimeSpan.FromMilliseconds(400),
            KeepAliveInterval = TimeSpan.FromMilliseconds(100),
        });
        var idle = await pair.Both(options => options with { IdleTimeout = TimeSpan.FromMilliseconds(1200) });

        await Pair.Ended(idle.Client);

        var (mine, _) = await Pair.Streams(kept.Client, kept.Server);
        Assert.False(mine.Connection.Closed.IsCompleted);
        await kept.Client.DisposeAsync();
        await kept.Server.DisposeAsync();
        await idle.Server.DisposeAsync();
    }

    [Fact]
    public async Task A_dead_peer_is_noticed_at_the_idle_timeout()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams(options => options with { IdleTimeout = TimeSpan.FromMilliseconds(500) });

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

        await Pair.Write(client, new byte[100]);

        Assert.Equal(QuicTransportError.StatelessReset, (await Pair.Ended(client.Connection)).Error);
        await client.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_there_is_a_timeout()
    {
        await using var pair = await Pair.Listen();
        await pair.KillServer();

        await Pair.Fails(QuicTransportError.ConnectionTimeout,
            () => pair.Connect(options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(300) }));
    }

    [Fact]
    public async Task A_full_backlog_refuses()
    {
        await using var pair = await Pair.Listen(options => options with { AcceptBacklog = 2 });
        var first = await pair.Connect();
        var second = await pair.Connect();

        await Pair.Fails(QuicTransportError.ConnectionRefused, () => pair.Connect());

        await (await pair.Accept()).DisposeAsync();
        var third = await pair.Connect();
        foreach (var connection in new[] { first, second, third }) await connection.DisposeAsync();
    }

    [Fact]
    public async Task A_disposed_listener_ends_waiting_accepts_and_unaccepted_connections_alone()
    {
        var pair = await Pair.Listen();
        var (client, server) = await pair.Both();
        var unaccepted = await pair.Connect();
        var (mine, theirs) = await Pair.Streams(client, server);

        await pair.DisposeAsync().AsTask().WaitAsync(Pair.Patience);

        await Pair.Fails(QuicTransportError.OperationAborted, () => pair.Accept());
        Assert.Equal(QuicTransportError.ConnectionAborted, (await Pair.Ended(unaccepted)).Error);
        await Pair.Write(mine, [8]);
        Assert.Equal([8], await Pair.Read(theirs, 1));
        await client.DisposeAsync();
        await server.DisposeAsync();
        await unaccepted.DisposeAsync();
    }

    [Fact]
    public async Task Every_wait_can_be_cancelled()
    {
        await using var pair = await Pair.Listen(options => options with { MaxInboundStreams = 1 });
        using var cancel = new CancellationTokenSource();
        var accepting = pair.Listener.AcceptConnectionAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting.WaitAsync(Pair.Patience));

        var (client, server) = await pair.Streams(options => options with { SendBuffer = 4096 });
        using var later = new CancellationTokenSource();
        var waits = new Task[]
        {
            client.Connection.OpenStreamAsync(later.Token).AsTask(),
            client.Connection.AcceptStreamAsync(later.Token).AsTask(),
            client.Input.ReadAsync(later.Token).AsTask(),
            client.Output.WriteAsync(new byte[1_000_000], later.Token).AsTask(),
        };
        Assert.All(waits, wait => Assert.False(wait.IsCompleted));
        await later.CancelAsync();
        foreach (var wait in waits)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Pair.Patience));

        // And the connection still works.
        await Pair.Write(server, [5]);
        Assert.Equal([5], await Pair.Read(client, 1));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_connect_can_be_cancelled()
    {
        await using var pair = await Pair.Listen();
        await pair.KillServer();
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        var provider = new Transport.Ngtcp2.Ngtcp2Provider();

        var connecting = provider.ConnectAsync(pair.Connecting, cancel.Token).AsTask();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(Pair.Patience));
    }
}
