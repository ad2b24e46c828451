namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task A_cancelled_connect_leaves_the_provider_usable()
    {
        using var cancel = new CancellationTokenSource();
        var listener = await ListenAsync();
        var connecting = Provider
            .ConnectAsync(ConnectOptions(listener.LocalEndPoint) with { EndPoint = SilentEndPoint() }, cancel.Token)
            .AsTask();

        await CancelAsync(cancel, connecting);

        await ConnectAsync(listener);
    }

    [ContractFact]
    public async Task A_cancelled_accept_leaves_the_listener_usable()
    {
        using var cancel = new CancellationTokenSource();
        var listener = await ListenAsync();

        await CancelAsync(cancel, listener.AcceptConnectionAsync(cancel.Token).AsTask());

        var client = await ConnectAsync(listener);
        Assert.Equal(client.LocalEndPoint.Port, (await AcceptAsync(listener)).RemoteEndPoint.Port);
    }

    [ContractFact]
    public async Task A_cancelled_accept_of_a_stream_leaves_the_connection_usable()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync();

        await CancelAsync(cancel, server.AcceptStreamAsync(cancel.Token).AsTask());

        await StreamAsync(client, server);
    }

    [ContractFact]
    public async Task Of_several_who_wait_for_a_stream_each_gets_one_but_who_gave_up()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync();
        var first = AcceptStreamAsync(server);
        var cancelled = server.AcceptStreamAsync(cancel.Token).AsTask();
        var third = AcceptStreamAsync(server);
        await CancelAsync(cancel, cancelled);

        for (byte i = 0; i < 3; i++) await WriteAsync(await OpenAsync(client), [i]);

        IQuicStream[] accepted = [await first, await third, await AcceptStreamAsync(server)];
        Assert.Equal(3, accepted.DistinctBy(each => each.Id).Count());
    }

    [ContractFact]
    public async Task The_end_of_a_connection_reaches_all_who_wait_for_a_stream()
    {
        var (client, server) = await PairAsync();
        Task<IQuicStream>[] waiting = [AcceptStreamAsync(server), AcceptStreamAsync(server)];

        client.Abort(5);

        foreach (var each in waiting) await FailsAsync(QuicTransportError.ConnectionAborted, () => each);
        await FailsAsync(QuicTransportError.ConnectionAborted, () => AcceptStreamAsync(server));
    }

    [ContractFact]
    public async Task A_cancelled_open_takes_no_place()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync(options => options with { MaxInboundStreams = 1 });
        var pair = await StreamAsync(client, server);

        await CancelAsync(cancel, client.OpenStreamAsync(cancel.Token).AsTask());

        await CloseAsync(pair);
        await StreamAsync(client, server);
    }

    [ContractFact]
    public async Task A_cancelled_read_leaves_the_stream_usable()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await CancelAsync(cancel, accepted.Input.ReadAsync(cancel.Token).AsTask());

        await WriteAsync(opened, "more"u8.ToArray());
        Assert.Equal("more"u8.ToArray(), await ReadAsync(accepted, 4));
    }

    [ContractFact]
    public async Task A_cancelled_write_leaves_the_stream_usable_and_loses_nothing()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (opened, accepted) = await StreamAsync(client, server);

        await CancelAsync(cancel, Stall(opened, cancel.Token));

        var reading = ReceiveAsync(accepted);
        await WriteAsync(opened, "tail"u8.ToArray());
        await opened.Output.CompleteAsync();
        var received = await reading;
        Assert.Equal("tail"u8.ToArray(), received[^4..]);
        Assert.Equal(StallSize + 4, received.Length); // what a cancelled flush was given is taken over all the same
    }

    [ContractFact]
    public async Task A_read_can_be_cancelled_without_a_token()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        var reading = accepted.Input.ReadAsync().AsTask();

        accepted.Input.CancelPendingRead();

        var result = await reading.WaitAsync(Soon);
        Assert.True(result.IsCanceled);
        accepted.Input.AdvanceTo(result.Buffer.End);
        await WriteAsync(opened, "more"u8.ToArray());
        Assert.Equal("more"u8.ToArray(), await ReadAsync(accepted, 4));
    }

    [ContractFact]
    public async Task A_token_that_is_cancelled_already_stops_everything_before_it_starts()
    {
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();
        var listener = await ListenAsync();
        var (client, _) = await PairAsync();

        await CancelAsync(cancel, Provider.ConnectAsync(ConnectOptions(listener.LocalEndPoint), cancel.Token).AsTask());
        await CancelAsync(cancel, listener.AcceptConnectionAsync(cancel.Token).AsTask());
        await CancelAsync(cancel, client.OpenStreamAsync(cancel.Token).AsTask());
        await CancelAsync(cancel, client.AcceptStreamAsync(cancel.Token).AsTask());
    }

    [ContractFact]
    public async Task A_cancelled_listen_takes_no_port()
    {
        var listener = await ListenAsync();
        var free = listener.LocalEndPoint;
        await listener.DisposeAsync();
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Provider.ListenAsync(ListenOptions with { EndPoint = free }, cancel.Token).AsTask());

        await ConnectAsync(await ListenAsync(options => options with { EndPoint = free }));
    }

    [ContractFact]
    public async Task A_cancelled_close_goes_on_without_its_caller()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync(
            Narrow, options => Narrow(options) with { CloseTimeout = ShortIdle });
        var (opened, _) = await StreamAsync(client, server);
        var stalled = Stall(opened);

        await CancelAsync(cancel, client.CloseAsync(12, cancellationToken: cancel.Token).AsTask());
        Assert.False(client.Closed.IsCompleted);
        Advance(ShortIdle * 2);

        Assert.Equal(12, (await client.Closed.WaitAsync(Soon)).ErrorCode);
        Assert.Equal(12, (await server.Closed.WaitAsync(Soon)).ErrorCode);
        await FailsAsync(QuicTransportError.OperationAborted, () => stalled);
    }

    [ContractFact]
    public async Task A_flush_can_be_cancelled_without_a_token()
    {
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (opened, accepted) = await StreamAsync(client, server);
        var stalled = Stall(opened);

        opened.Output.CancelPendingFlush();

        Assert.True((await stalled.WaitAsync(Soon)).IsCanceled);
        var reading = ReceiveAsync(accepted);
        await WriteAsync(opened, "tail"u8.ToArray());
        await opened.Output.CompleteAsync();
        Assert.Equal(StallSize + 4, (await reading).Length);
    }

    [ContractFact]
    public async Task Many_cancelled_waits_leave_nothing_behind()
    {
        var (client, server) = await PairAsync(options => options with { MaxInboundStreams = 1 });
        var pair = await StreamAsync(client, server);
        for (var i = 0; i < 50; i++)
        {
            using var cancel = new CancellationTokenSource();
            var waiting = new Task[]
            {
                client.OpenStreamAsync(cancel.Token).AsTask(),
                server.AcceptStreamAsync(cancel.Token).AsTask(),
                pair.Accepted.Input.ReadAsync(cancel.Token).AsTask(),
            };
            foreach (var each in waiting) await CancelAsync(cancel, each);
        }

        await AssertAliveAsync(pair);
        await CloseAsync(pair);
        await StreamAsync(client, server);
    }

    private static async Task CancelAsync(CancellationTokenSource cancel, Task waiting)
    {
        Assert.False(waiting.IsCompletedSuccessfully);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Soon));
    }
}
