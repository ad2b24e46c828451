namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [Fact]
    public async Task Bytes_go_both_ways_in_order()
    {
        var (client, server) = await PairAsync();
        var opened = await OpenAsync(client);
        await WriteAsync(opened, "pi"u8.ToArray());
        await WriteAsync(opened, "ng"u8.ToArray());

        var accepted = await AcceptStreamAsync(server);
        Assert.Equal("ping"u8.ToArray(), await ReadAsync(accepted, 4));
        await WriteAsync(accepted, "pong"u8.ToArray());

        Assert.Equal("pong"u8.ToArray(), await ReadAsync(opened, 4));
        Assert.Equal(opened.Id, accepted.Id);
        Assert.Same(client, opened.Connection);
        Assert.Same(server, accepted.Connection);
    }

    [Fact]
    public async Task Either_side_may_open_streams()
    {
        var (client, server) = await PairAsync();

        var (fromClient, _) = await StreamAsync(client, server);
        var (fromServer, _) = await StreamAsync(server, client);

        Assert.Equal(0, fromClient.Id); // RFC 9000, section 2.1
        Assert.Equal(1, fromServer.Id);
    }

    [Fact]
    public async Task Fin_ends_the_input()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await WriteAsync(opened, "end"u8.ToArray());
        await opened.Output.CompleteAsync();

        Assert.Equal("end"u8.ToArray(), await ReadToEndAsync(accepted));
    }

    [Fact]
    public async Task Fin_alone_announces_a_stream()
    {
        var (client, server) = await PairAsync();
        var opened = await OpenAsync(client);

        await opened.Output.CompleteAsync();

        var accepted = await AcceptStreamAsync(server);
        Assert.Empty(await ReadToEndAsync(accepted));
    }
}
