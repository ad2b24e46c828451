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

    private static async Task CancelAsync(CancellationTokenSource cancel, Task waiting)
    {
        Assert.False(waiting.IsCompletedSuccessfully);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Soon));
    }
}
