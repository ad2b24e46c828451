namespace Macula.Actors.Transport.Tests.Ngtcp2;

public sealed class Ngtcp2StreamSpecs
{
    [Fact]
    public async Task An_echo_comes_back()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams();
        await client.Output.WriteAsync("hello"u8.ToArray());
        var heard = await Pair.ReadExactly(server.Input, 5);
        await server.Output.WriteAsync(heard);
        Assert.Equal("hello"u8.ToArray(), await Pair.ReadExactly(client.Input, 5));
        await client.Connection.CloseAsync(7, "done").AsTask().WaitAsync(Pair.Patience);
        var closed = await server.Connection.Closed.WaitAsync(Pair.Patience);
        Assert.Equal((QuicTransportError.ConnectionAborted, 7), (closed.Error, closed.ErrorCode));
        await server.Connection.DisposeAsync();
    }
}
