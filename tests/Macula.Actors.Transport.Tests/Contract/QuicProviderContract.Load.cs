namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task Two_hundred_connections_at_once()
    {
        var listener = await ListenAsync();
        var serving = ServeAsync(listener);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            var options = ConnectOptions(listener.LocalEndPoint) with { HandshakeTimeout = TimeSpan.FromSeconds(60) };
            await using var client = await Provider.ConnectAsync(options).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
            await AssertEchoAsync(client, SomeBytes(1000, i));
            await client.CloseAsync(0);
        })).WaitAsync(TimeSpan.FromSeconds(120));

        await listener.DisposeAsync();
        Assert.Equal(200, await serving.WaitAsync(Soon));
    }

    [ContractFact]
    public async Task A_storm_of_clients_that_come_and_go_does_no_harm()
    {
        var listener = await ListenAsync();
        var serving = ServeAsync(listener);

        for (var round = 0; round < 10; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(async i =>
            {
                var client = await ConnectAsync(listener);
                if (i % 2 == 0) client.Abort(i);
                await client.DisposeAsync();
            }));
        }

        var last = await ConnectAsync(listener);
        await AssertEchoAsync(last, "still here"u8.ToArray());
        await listener.DisposeAsync();
        Assert.InRange(await serving.WaitAsync(Soon), 1, 101);
    }

    /// <summary>Accepts and echoes until the listener is disposed, and tells how many came.</summary>
    private async Task<int> ServeAsync(IQuicListener listener)
    {
        var count = 0;
        try
        {
            while (true)
            {
                var connection = Keep(await listener.AcceptConnectionAsync());
                count++;
                _ = EchoAsync(connection);
            }
        }
        catch (QuicTransportException ended) when (ended.Error == QuicTransportError.OperationAborted)
        {
            return count;
        }
    }
}
