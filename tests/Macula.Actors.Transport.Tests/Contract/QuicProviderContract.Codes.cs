namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    private const long LargestCode = 0x3fff_ffff_ffff_ffff;

    [ContractFact]
    public async Task A_writer_hears_the_code_with_which_reading_was_stopped()
    {
        var (client, server) = await PairAsync();
        foreach (var code in new[] { 0, 1, 63, 64, 16_383, 16_384, 1L << 30, LargestCode })
        {
            var (opened, accepted) = await StreamAsync(client, server);
            Assert.Null(opened.StopCode);

            accepted.Abort(QuicAbortDirection.Read, code);

            await AssertStopsWritingAsync(opened);
            Assert.Equal(code, opened.StopCode);
            Assert.Null(accepted.StopCode);
        }
    }

    [ContractFact]
    public async Task The_opener_may_stop_reading_too()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        opened.Abort(QuicAbortDirection.Read, 44);

        await AssertStopsWritingAsync(accepted);
        Assert.Equal(44, accepted.StopCode);
        await WriteAsync(opened, "still"u8.ToArray());
        Assert.Equal("still"u8.ToArray(), await ReadAsync(accepted, 5));
    }

    [ContractFact]
    public async Task A_waiting_writer_hears_the_code_too()
    {
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (opened, accepted) = await StreamAsync(client, server);
        var stalled = Stall(opened);

        accepted.Abort(QuicAbortDirection.Read, 45);

        Assert.True((await stalled.WaitAsync(Soon)).IsCompleted);
        Assert.Equal(45, opened.StopCode);
    }

    [ContractFact]
    public async Task A_disposed_reader_stops_the_writer_with_the_default_code()
    {
        var (client, server) = await PairAsync(options => options with { DefaultStreamErrorCode = 46 });
        var (opened, accepted) = await StreamAsync(client, server);

        await accepted.Input.CompleteAsync();

        await AssertStopsWritingAsync(opened);
        Assert.Equal(46, opened.StopCode);
    }

    [ContractFact]
    public async Task The_acceptor_may_reset_too()
    {
        var (client, server) = await PairAsync();
        foreach (var code in new[] { 0, 77, LargestCode })
        {
            var (opened, accepted) = await StreamAsync(client, server);

            accepted.Abort(QuicAbortDirection.Write, code);

            var thrown = await FailsAsync(QuicTransportError.StreamAborted, () => ReadAsync(opened, 1));
            Assert.Equal(code, thrown.ErrorCode);
            await WriteAsync(opened, "still"u8.ToArray());
            Assert.Equal("still"u8.ToArray(), await ReadAsync(accepted, 5));
        }
    }

    [ContractFact]
    public async Task Who_is_stopped_answers_with_a_reset_and_the_stream_is_over()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        await opened.Output.CompleteAsync();
        Assert.Empty(await ReadToEndAsync(accepted));

        opened.Abort(QuicAbortDirection.Read, 9);

        await AssertStopsWritingAsync(accepted);
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_stop_leaves_the_other_streams_alone()
    {
        var (client, server) = await PairAsync();
        var pairs = new List<(IQuicStream Opened, IQuicStream Accepted)>();
        for (var i = 0; i < 20; i++) pairs.Add(await StreamAsync(client, server));

        for (var i = 0; i < 20; i += 2) pairs[i].Accepted.Abort(QuicAbortDirection.Both, 1000 + i);

        for (var i = 0; i < 20; i++)
        {
            if (i % 2 == 1)
            {
                await AssertAliveAsync(pairs[i]);
                continue;
            }

            await AssertStopsWritingAsync(pairs[i].Opened);
            Assert.Equal(1000 + i, pairs[i].Opened.StopCode);
        }
    }
}
