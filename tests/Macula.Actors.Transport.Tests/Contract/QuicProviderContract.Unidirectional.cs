namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task A_unidirectional_stream_goes_one_way()
    {
        var (client, server) = await PairAsync(TakeUnidirectional);
        var opened = await OpenUnidirectionalAsync(client);
        await WriteAsync(opened, "one way"u8.ToArray());
        await opened.Output.CompleteAsync();

        var accepted = await AcceptStreamAsync(server);

        Assert.Equal((false, true), (opened.CanRead, opened.CanWrite));
        Assert.Equal((true, false), (accepted.CanRead, accepted.CanWrite));
        Assert.Equal("one way"u8.ToArray(), await ReadToEndAsync(accepted));
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_bidirectional_stream_goes_both_ways()
    {
        var (client, server) = await PairAsync();

        var (opened, accepted) = await StreamAsync(client, server);

        Assert.Equal((true, true), (opened.CanRead, opened.CanWrite));
        Assert.Equal((true, true), (accepted.CanRead, accepted.CanWrite));
        Assert.Null(opened.StopCode);
    }

    [ContractFact]
    public async Task The_direction_that_is_not_there_cannot_be_used()
    {
        var (client, server) = await PairAsync(TakeUnidirectional);
        var (opened, accepted) = await UnidirectionalAsync(client, server);

        Assert.Throws<InvalidOperationException>(() => opened.Input);
        Assert.Throws<InvalidOperationException>(() => accepted.Output);
        opened.Abort(QuicAbortDirection.Read, 1);
        accepted.Abort(QuicAbortDirection.Write, 1);
        await WriteAsync(opened, "still"u8.ToArray());
        Assert.Equal("still"u8.ToArray(), await ReadAsync(accepted, 5));
    }

    [ContractFact]
    public async Task Either_side_may_open_unidirectional_streams()
    {
        var (client, server) = await PairAsync(TakeUnidirectional, TakeUnidirectional);

        var (fromClient, _) = await UnidirectionalAsync(client, server);
        var (fromServer, _) = await UnidirectionalAsync(server, client);
        var (second, _) = await UnidirectionalAsync(server, client);

        Assert.Equal(2, fromClient.Id); // RFC 9000, section 2.1
        Assert.Equal(3, fromServer.Id);
        Assert.Equal(7, second.Id);
    }

    [ContractFact]
    public async Task Unless_told_otherwise_nobody_takes_unidirectional_streams()
    {
        using var cancel = new CancellationTokenSource();
        var (client, server) = await PairAsync();
        var opening = client.OpenUnidirectionalStreamAsync(cancel.Token).AsTask();

        await StreamAsync(client, server); // had there been room, the stream would be here by now

        await CancelAsync(cancel, opening);
        await StreamAsync(client, server);
    }

    [ContractFact]
    public async Task The_two_kinds_of_streams_have_a_limit_each()
    {
        var (client, server) = await PairAsync(
            options => options with { MaxInboundStreams = 1, MaxInboundUnidirectionalStreams = 1 });
        var first = await UnidirectionalAsync(client, server);
        var waiting = client.OpenUnidirectionalStreamAsync().AsTask();

        var both = await StreamAsync(client, server);
        Assert.False(waiting.IsCompleted);
        await first.Opened.Output.CompleteAsync();
        Assert.Empty(await ReadToEndAsync(first.Accepted));
        await first.Accepted.DisposeAsync();

        await using var next = await waiting.WaitAsync(Soon);
        await AssertAliveAsync(both);
        await WriteAsync(next, "!"u8.ToArray());
        Assert.Equal("!"u8.ToArray(), await ReadAsync(await AcceptStreamAsync(server), 1));
    }

    [ContractFact]
    public async Task Five_hundred_unidirectional_streams_pass_through_a_limit_of_three()
    {
        const int Streams = 500;
        var (client, server) = await PairAsync(options => options with { MaxInboundUnidirectionalStreams = 3 });
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < Streams; i++)
            {
                await using var stream = await OpenUnidirectionalAsync(client);
                await WriteAsync(stream, BitConverter.GetBytes(i));
                await stream.Output.CompleteAsync();
            }
        });

        for (var i = 0; i < Streams; i++)
        {
            await using var stream = await AcceptStreamAsync(server);
            Assert.Equal(4, (await ReadToEndAsync(stream)).Length);
        }

        await sending.WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_unidirectional_stream_is_reset_with_its_code()
    {
        var (client, server) = await PairAsync(TakeUnidirectional);
        var (opened, accepted) = await UnidirectionalAsync(client, server);

        opened.Abort(QuicAbortDirection.Both, 501);

        Assert.Equal(501, (await FailsAsync(QuicTransportError.StreamAborted, () => ReadAsync(accepted, 1))).ErrorCode);
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task The_writer_of_a_unidirectional_stream_hears_why_nobody_reads_it()
    {
        var (client, server) = await PairAsync(TakeUnidirectional);
        var (opened, accepted) = await UnidirectionalAsync(client, server);

        accepted.Abort(QuicAbortDirection.Both, 502);

        await AssertStopsWritingAsync(opened);
        Assert.Equal(502, opened.StopCode);
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task Unidirectional_streams_end_with_their_connection()
    {
        var (client, server) = await PairAsync(TakeUnidirectional);
        var (opened, accepted) = await UnidirectionalAsync(client, server);
        var reading = ReadAsync(accepted, 1);

        client.Abort(6);

        await FailsAsync(QuicTransportError.ConnectionAborted, () => reading);
        await FailsAsync(QuicTransportError.OperationAborted, () => WriteAsync(opened, [1]));
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_close_delivers_what_was_written_on_unidirectional_streams()
    {
        var (client, server) = await PairAsync(TakeUnidirectional);
        var (opened, accepted) = await UnidirectionalAsync(client, server);
        var sent = SomeBytes(200_000);
        var reading = ReadToEndAsync(accepted);
        await WriteAsync(opened, sent);

        await client.CloseAsync(0).AsTask().WaitAsync(Soon);

        Assert.Equal(sent, await reading);
    }

    private static Task<IQuicStream> OpenUnidirectionalAsync(IQuicConnection connection) =>
        connection.OpenUnidirectionalStreamAsync().AsTask().WaitAsync(Soon);

    private static async Task<(IQuicStream Opened, IQuicStream Accepted)> UnidirectionalAsync(
        IQuicConnection opener, IQuicConnection acceptor)
    {
        var opened = await OpenUnidirectionalAsync(opener);
        await WriteAsync(opened, "!"u8.ToArray());
        var accepted = await AcceptStreamAsync(acceptor);
        Assert.Equal("!"u8.ToArray(), await ReadAsync(accepted, 1));
        return (opened, accepted);
    }

    private static T TakeUnidirectional<T>(T options) where T : QuicConnectionOptions =>
        options with { MaxInboundUnidirectionalStreams = 10 };
}
