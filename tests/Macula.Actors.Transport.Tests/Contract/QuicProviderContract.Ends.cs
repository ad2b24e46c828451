namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    /// <summary>Whether a close carries its reason to the peer. System.Net.Quic has no way to send one.</summary>
    protected virtual bool SendsReasons => true;

    [ContractFact]
    public async Task The_server_hears_the_clients_close_code()
    {
        var (client, server) = await PairAsync();

        await client.CloseAsync(42, "bye").AsTask().WaitAsync(Soon);

        await AssertClosedAsync(client, server, 42);
    }

    [ContractFact]
    [Trait("Defect", "D44")]
    public async Task The_client_hears_the_servers_close_code()
    {
        var (client, server) = await PairAsync();

        await server.CloseAsync(0x3fff_ffff_ffff_ffff, "bye").AsTask().WaitAsync(Soon);

        await AssertClosedAsync(server, client, 0x3fff_ffff_ffff_ffff);
    }

    [ContractFact]
    public async Task The_first_close_wins()
    {
        var (client, server) = await PairAsync();

        await Task.WhenAll(client.CloseAsync(1).AsTask(), client.CloseAsync(2).AsTask()).WaitAsync(Soon);
        client.Abort(3);
        await client.DisposeAsync();

        await AssertClosedAsync(client, server, 1);
    }

    [ContractFact]
    public async Task A_disposed_connection_tells_the_default_code()
    {
        var (client, server) = await PairAsync(connect: options => options with { DefaultCloseErrorCode = 21 });

        await client.DisposeAsync().AsTask().WaitAsync(Soon);

        Assert.Equal(QuicTransportError.OperationAborted, (await client.Closed.WaitAsync(Soon)).Error);
        Assert.Equal(21, (await server.Closed.WaitAsync(Soon)).ErrorCode);
    }

    [ContractFact]
    public async Task A_connection_may_be_disposed_often_and_from_anywhere()
    {
        var (client, server) = await PairAsync();
        await StreamAsync(client, server);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            if (i == 3) await client.CloseAsync(0);
            if (i == 5) client.Abort(0);
            await client.DisposeAsync();
            await server.DisposeAsync();
        }))).WaitAsync(Soon);

        Assert.True(client.Closed.IsCompleted);
        Assert.True(server.Closed.IsCompleted);
    }

    [ContractFact]
    public async Task A_close_delivers_what_was_written_before_it()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        var sent = SomeBytes(200_000);
        var reading = ReadToEndAsync(accepted);
        await WriteAsync(opened, sent);

        await client.CloseAsync(0).AsTask().WaitAsync(Soon);

        Assert.Equal(sent, await reading);
        await FailsAsync(QuicTransportError.OperationAborted, () => WriteAsync(opened, [1]));
    }

    [ContractFact]
    public async Task Streams_that_arrived_before_a_close_are_still_handed_out()
    {
        var (client, server) = await PairAsync();
        var opened = await OpenAsync(client);
        await WriteAsync(opened, "parting words"u8.ToArray());

        await client.CloseAsync(7).AsTask().WaitAsync(Soon);
        await server.Closed.WaitAsync(Soon);

        var accepted = await AcceptStreamAsync(server);
        Assert.Equal("parting words"u8.ToArray(), await ReadToEndAsync(accepted));
        await FailsAsync(QuicTransportError.ConnectionAborted, () => AcceptStreamAsync(server));
    }

    [ContractFact]
    [Trait("Defect", "D44")]
    public async Task A_close_does_not_wait_for_ever_for_a_reader_that_does_not_read()
    {
        var (client, server) = await PairAsync(
            Narrow, options => Narrow(options) with { CloseTimeout = ShortIdle });
        var (opened, _) = await StreamAsync(client, server);
        var stalled = Stall(opened);

        var closing = client.CloseAsync(4).AsTask();
        Assert.False(closing.IsCompleted);
        Advance(ShortIdle * 2);

        await closing.WaitAsync(Soon);
        await FailsAsync(QuicTransportError.OperationAborted, () => stalled);
        Assert.Equal(4, (await server.Closed.WaitAsync(Soon)).ErrorCode);
    }

    [ContractFact]
    public async Task An_abort_does_not_wait()
    {
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (opened, _) = await StreamAsync(client, server);
        var stalled = Stall(opened);

        client.Abort(66, "enough");

        var closed = await client.Closed.WaitAsync(Soon);
        Assert.Equal((QuicTransportError.OperationAborted, 66, false), (closed.Error, closed.ErrorCode, closed.ByPeer));
        await FailsAsync(QuicTransportError.OperationAborted, () => stalled);
        var heard = await server.Closed.WaitAsync(Soon);
        Assert.Equal((QuicTransportError.ConnectionAborted, 66, true), (heard.Error, heard.ErrorCode, heard.ByPeer));
    }

    [ContractFact]
    public async Task What_waits_fails_when_the_peer_closes()
    {
        var (client, server) = await PairAsync(
            options => Narrow(options) with { MaxInboundStreams = 1 }, Narrow);
        var (opened, accepted) = await StreamAsync(client, server);
        var accepting = AcceptStreamAsync(client);
        var opening = OpenAsync(client);
        var reading = ReadAsync(opened, 1);
        var writing = Stall(opened);
        Assert.Equal(opened.Id, accepted.Id);

        server.Abort(8);

        foreach (var waiting in new Task[] { accepting, opening, reading, writing })
            Assert.Equal(8, (await FailsAsync(QuicTransportError.ConnectionAborted, () => waiting)).ErrorCode);
        await FailsAsync(QuicTransportError.ConnectionAborted, () => AcceptStreamAsync(client));
        await FailsAsync(QuicTransportError.ConnectionAborted, () => OpenAsync(client));
        await FailsAsync(QuicTransportError.ConnectionAborted, () => WriteAsync(opened, [1]));
        await opened.Closed.WaitAsync(Soon);
    }

    [ContractFact]
    public async Task What_waits_fails_when_this_side_closes()
    {
        var (client, server) = await PairAsync(options => options with { MaxInboundStreams = 1 });
        var (opened, accepted) = await StreamAsync(client, server);
        var accepting = AcceptStreamAsync(client);
        var opening = OpenAsync(client);
        var reading = ReadAsync(opened, 1);
        Assert.Equal(opened.Id, accepted.Id);

        await client.CloseAsync(0).AsTask().WaitAsync(Soon);

        foreach (var waiting in new Task[] { accepting, opening, reading })
            await FailsAsync(QuicTransportError.OperationAborted, () => waiting);
        await FailsAsync(QuicTransportError.OperationAborted, () => OpenAsync(client));
        await opened.Closed.WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_disposed_listener_accepts_nobody()
    {
        var listener = await ListenAsync();
        var accepting = AcceptAsync(listener);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => listener.DisposeAsync().AsTask())))
            .WaitAsync(Soon);

        await FailsAsync(QuicTransportError.OperationAborted, () => accepting);
        await FailsAsync(QuicTransportError.OperationAborted, () => AcceptAsync(listener));
    }

    [ContractFact]
    public async Task Accepted_connections_outlive_their_listener()
    {
        var listener = await ListenAsync();
        var accepting = AcceptAsync(listener);
        var client = await ConnectAsync(listener);
        var server = await accepting;

        await listener.DisposeAsync().AsTask().WaitAsync(Soon);
        _ = EchoAsync(server);

        await AssertEchoAsync(client, SomeBytes(100_000));
        await client.CloseAsync(3).AsTask().WaitAsync(Soon);
        Assert.Equal(3, (await server.Closed.WaitAsync(Soon)).ErrorCode);
    }

    [ContractFact]
    public async Task Connections_that_nobody_accepted_end_with_their_listener()
    {
        var listener = await ListenAsync();
        var client = await ConnectAsync(listener);

        await listener.DisposeAsync().AsTask().WaitAsync(Soon);

        var closed = await client.Closed.WaitAsync(Soon);
        Assert.True(closed.ByPeer, closed.ToString());
    }

    private async Task AssertClosedAsync(IQuicConnection closer, IQuicConnection other, long code)
    {
        var own = await closer.Closed.WaitAsync(Soon);
        Assert.Equal((QuicTransportError.None, code, false), (own.Error, own.ErrorCode, own.ByPeer));
        var heard = await other.Closed.WaitAsync(Soon);
        Assert.Equal((QuicTransportError.ConnectionAborted, code, true), (heard.Error, heard.ErrorCode, heard.ByPeer));
        if (SendsReasons) Assert.Contains(own.Reason, heard.Reason, StringComparison.Ordinal);
    }
}
