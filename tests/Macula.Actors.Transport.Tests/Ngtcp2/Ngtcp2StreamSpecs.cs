namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2StreamSpecs
{
    [Fact]
    public async Task Many_streams_share_a_connection_and_a_small_limit()
    {
        const int Streams = 300;
        await using var pair = await Pair.Listen(options => options with { MaxInboundStreams = 7 });
        var (client, server) = await pair.Both();
        var serving = Serve();

        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async number =>
        {
            var stream = await Pair.Open(client);
            var sent = Pair.SomeBytes(1000 + number);
            await Pair.Write(stream, sent);
            await stream.Output.CompleteAsync();
            Assert.Equal(sent, await Pair.ReadToEnd(stream));
            await stream.DisposeAsync();
        }));

        await serving.WaitAsync(Pair.Patience);
        await client.DisposeAsync();
        await server.DisposeAsync();

        async Task Serve()
        {
            var echoes = new List<Task>();
            for (var i = 0; i < Streams; i++) echoes.Add(Echo(await Pair.AcceptStream(server)));
            await Task.WhenAll(echoes);
        }

        static async Task Echo(IQuicStream stream)
        {
            await Pair.Write(stream, await Pair.ReadToEnd(stream));
            await stream.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(1024, 1024)]
    [InlineData(1024, 3000)]
    [InlineData(5000, 1024)]
    public async Task Windows_smaller_than_the_data_are_no_obstacle(int ofStream, int ofConnection)
    {
        await using var pair = await Pair.Listen(options => options with
        {
            StreamReceiveWindow = ofStream,
            ConnectionReceiveWindow = ofConnection,
        });
        var (client, server) = await pair.Both();
        var sent = Pair.SomeBytes(20_000);
        var streams = new List<IQuicStream>();
        var sending = new List<Task>();
        for (var i = 0; i < 5; i++)
        {
            streams.Add(await Pair.Open(client));
            sending.Add(Send(streams[i], sent));
        }

        for (var i = 0; i < 5; i++)
        {
            var stream = await Pair.AcceptStream(server);
            _ = ReadByteByByte(stream);
        }

        await Task.WhenAll(sending).WaitAsync(Pair.Patience);
        foreach (var stream in streams) Assert.Equal([42], await Pair.ReadToEnd(stream));
        await client.DisposeAsync();
        await server.DisposeAsync();

        async Task ReadByteByByte(IQuicStream stream)
        {
            var heard = new byte[sent.Length];
            for (var i = 0; i < heard.Length; i++) heard[i] = (await Pair.Read(stream, 1))[0];
            Assert.Empty(await Pair.ReadToEnd(stream));
            if (heard.AsSpan().SequenceEqual(sent)) await Pair.Write(stream, [42]);
            await stream.Output.CompleteAsync();
        }
    }

    [Fact]
    public async Task A_writer_stuck_on_full_windows_learns_that_the_peer_stopped_reading()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams(options => options with { SendBuffer = 300 * 1024 });
        var stuck = client.Output.WriteAsync(new byte[2_000_000]).AsTask();
        await Pair.Read(server, 100_000); // so that bytes were sent, and acknowledgements are on their way
        Assert.False(stuck.IsCompleted);

        await server.DisposeAsync();

        Assert.True((await stuck.WaitAsync(Pair.Patience)).IsCompleted);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_reset_comes_after_the_bytes_before_it_were_read_and_carries_its_code()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams();
        await Pair.Write(client, [1, 2, 3]);
        await Pair.Read(server, 2);
        client.Abort(QuicAbortDirection.Write, 77);

        Assert.Equal([3], await Pair.Read(server, 1));
        var thrown = await Pair.Fails(
            QuicTransportError.StreamAborted, () => server.Input.ReadAsync().AsTask());

        Assert.Equal(77, thrown.ErrorCode);
        await Pair.Fails(QuicTransportError.StreamAborted, () => server.Input.ReadAsync().AsTask());
        await Pair.Fails(QuicTransportError.OperationAborted, () => Pair.Write(client, [4]));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Completing_the_output_with_an_error_resets_it_with_the_default_code()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams(options => options with { DefaultStreamErrorCode = 9 });

        await client.Output.CompleteAsync(new InvalidOperationException());

        var thrown = await Pair.Fails(QuicTransportError.StreamAborted, () => server.Input.ReadAsync().AsTask());
        Assert.Equal(9, thrown.ErrorCode);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task An_aborted_reader_throws_at_once_and_the_peer_may_open_further_streams()
    {
        await using var pair = await Pair.Listen(options => options with { MaxInboundStreams = 1 });
        var (client, server) = await pair.Both();
        for (var i = 0; i < 20; i++)
        {
            var (mine, theirs) = await Pair.Streams(client, server);
            await Pair.Write(mine, new byte[100_000]);
            theirs.Abort(QuicAbortDirection.Both, 3);
            await Pair.Fails(QuicTransportError.OperationAborted, () => theirs.Input.ReadAsync().AsTask());
            mine.Abort(QuicAbortDirection.Both, 3);
            await Task.WhenAll(mine.Closed, theirs.Closed).WaitAsync(Pair.Patience);
            await mine.DisposeAsync();
            await theirs.DisposeAsync();
        }

        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Aborted_downloads_leave_the_connection_window_whole()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Both(options => options with { ConnectionReceiveWindow = 64 * 1024 });
        for (var i = 0; i < 30; i++)
        {
            var (mine, theirs) = await Pair.Streams(client, server);
            var sending = theirs.Output.WriteAsync(Pair.SomeBytes(50_000)).AsTask();
            await Pair.Read(mine, 10_000);
            await mine.DisposeAsync();
            await sending.WaitAsync(Pair.Patience);
            await theirs.DisposeAsync();
        }

        var (last, sender) = await Pair.Streams(client, server);
        var all = Pair.SomeBytes(1_000_000);
        var sendingAll = Send(sender, all);
        var heard = await Pair.ReadToEnd(last);
        Assert.True(all.AsSpan().SequenceEqual(heard));
        await sendingAll.WaitAsync(Pair.Patience);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    private static async Task Send(IQuicStream stream, byte[] bytes)
    {
        var sent = 0;
        while (sent < bytes.Length)
        {
            var piece = Math.Min(bytes.Length - sent, 30_000);
            var flushed = await stream.Output.WriteAsync(bytes.AsMemory(sent, piece));
            Assert.False(flushed.IsCompleted);
            sent += piece;
        }

        await stream.Output.CompleteAsync();
    }
}
