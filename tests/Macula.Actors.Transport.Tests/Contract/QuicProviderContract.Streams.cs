using System.Buffers;

namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
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

    [ContractFact]
    public async Task Either_side_may_open_streams()
    {
        var (client, server) = await PairAsync();

        var (fromClient, _) = await StreamAsync(client, server);
        var (fromServer, _) = await StreamAsync(server, client);

        Assert.Equal(0, fromClient.Id); // RFC 9000, section 2.1
        Assert.Equal(1, fromServer.Id);
    }

    [ContractFact]
    public async Task Fin_ends_the_input()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await WriteAsync(opened, "end"u8.ToArray());
        await opened.Output.CompleteAsync();

        Assert.Equal("end"u8.ToArray(), await ReadToEndAsync(accepted));
    }

    [ContractFact]
    public async Task Fin_alone_announces_a_stream()
    {
        var (client, server) = await PairAsync();
        var opened = await OpenAsync(client);

        await opened.Output.CompleteAsync();

        var accepted = await AcceptStreamAsync(server);
        Assert.Empty(await ReadToEndAsync(accepted));
    }

    [ContractFact]
    public async Task Streams_that_arrive_early_are_kept()
    {
        var (client, server) = await PairAsync();
        for (byte i = 0; i < 10; i++) await WriteAsync(await OpenAsync(client), [i]);

        var seen = new List<byte>();
        for (var i = 0; i < 10; i++) seen.AddRange(await ReadAsync(await AcceptStreamAsync(server), 1));

        Assert.Equal(Enumerable.Range(0, 10).Select(i => (byte)i), seen.Order());
    }

    [ContractFact]
    public async Task Empty_writes_change_nothing()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await WriteAsync(opened, []);
        await opened.Output.FlushAsync().AsTask().WaitAsync(Soon);
        await WriteAsync(opened, "a"u8.ToArray());
        await WriteAsync(opened, []);
        await opened.Output.CompleteAsync();

        Assert.Equal("a"u8.ToArray(), await ReadToEndAsync(accepted));
    }

    [ContractFact]
    public async Task A_reader_may_take_one_byte_at_a_time()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        var sent = SomeBytes(1000);
        await WriteAsync(opened, sent);

        var received = new List<byte>();
        while (received.Count < sent.Length) received.AddRange(await ReadAsync(accepted, 1));

        Assert.Equal(sent, received);
    }

    [ContractFact]
    public async Task What_was_looked_at_but_not_consumed_stays()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        await WriteAsync(opened, "half"u8.ToArray());
        var first = await accepted.Input.ReadAtLeastAsync(4).AsTask().WaitAsync(Soon);
        accepted.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);

        var more = accepted.Input.ReadAsync().AsTask();
        Assert.False(more.IsCompleted);
        await WriteAsync(opened, "whole"u8.ToArray());

        var second = await more.WaitAsync(Soon);
        Assert.Equal("half"u8.ToArray(), second.Buffer.Slice(0, 4).ToArray());
        accepted.Input.AdvanceTo(second.Buffer.Start);
        Assert.Equal("halfwhole"u8.ToArray(), await ReadAsync(accepted, 9));
    }

    [ContractFact]
    public async Task The_end_of_a_stream_is_told_to_who_asked_before_and_to_who_asks_only_then()
    {
        var (client, server) = await PairAsync();
        var (first, _) = await StreamAsync(client, server);
        var (second, _) = await StreamAsync(client, server);
        var asked = first.Closed;

        client.Abort(5);
        await client.Closed.WaitAsync(Soon);

        await asked.WaitAsync(Soon);
        await second.Closed.WaitAsync(Soon);
    }

    [ContractFact]
    public async Task The_opener_may_finish_first()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await opened.Output.CompleteAsync();
        Assert.Empty(await ReadToEndAsync(accepted));
        await WriteAsync(accepted, "later"u8.ToArray());
        await accepted.Output.CompleteAsync();

        Assert.Equal("later"u8.ToArray(), await ReadToEndAsync(opened));
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task The_acceptor_may_finish_first()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await accepted.Output.CompleteAsync();
        Assert.Empty(await ReadToEndAsync(opened));
        await WriteAsync(opened, "later"u8.ToArray());
        await opened.Output.CompleteAsync();

        Assert.Equal("later"u8.ToArray(), await ReadToEndAsync(accepted));
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_reset_tells_its_code_after_the_bytes_before_it()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        await WriteAsync(opened, "before"u8.ToArray());
        await BarrierAsync(client, server); // a reset overtakes what has not arrived

        opened.Abort(QuicAbortDirection.Write, 77);

        Assert.Equal("before"u8.ToArray(), await ReadAsync(accepted, 6));
        var thrown = await FailsAsync(QuicTransportError.StreamAborted, () => ReadAsync(accepted, 1));
        Assert.Equal(77, thrown.ErrorCode);
        await FailsAsync(QuicTransportError.OperationAborted, () => WriteAsync(opened, [1]));
    }

    [ContractFact]
    public async Task An_output_completed_with_an_error_is_a_reset_with_the_default_code()
    {
        var (client, server) = await PairAsync(connect: options => options with { DefaultStreamErrorCode = 31 });
        var (opened, accepted) = await StreamAsync(client, server);

        await opened.Output.CompleteAsync(new InvalidOperationException("given up"));

        var thrown = await FailsAsync(QuicTransportError.StreamAborted, () => ReadAsync(accepted, 1));
        Assert.Equal(31, thrown.ErrorCode);
    }

    [ContractFact]
    public async Task A_pending_read_hears_of_a_reset()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        var reading = ReadAsync(accepted, 1);

        opened.Abort(QuicAbortDirection.Write, 5);

        Assert.Equal(5, (await FailsAsync(QuicTransportError.StreamAborted, () => reading)).ErrorCode);
    }

    [ContractFact]
    public async Task A_writer_sees_that_nobody_reads_any_more()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        accepted.Abort(QuicAbortDirection.Read, 9);

        await AssertStopsWritingAsync(opened);
        await FailsAsync(QuicTransportError.OperationAborted, () => ReadAsync(accepted, 1));
        await WriteAsync(accepted, "still"u8.ToArray());
        Assert.Equal("still"u8.ToArray(), await ReadAsync(opened, 5));
    }

    [ContractFact]
    public async Task A_waiting_writer_hears_that_nobody_reads_any_more()
    {
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (opened, accepted) = await StreamAsync(client, server);
        var stalled = Stall(opened);

        accepted.Abort(QuicAbortDirection.Read, 9);

        Assert.True((await stalled.WaitAsync(Soon)).IsCompleted);
    }

    [ContractFact]
    public async Task A_completed_reader_stops_the_peer()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);

        await accepted.Input.CompleteAsync();

        await AssertStopsWritingAsync(opened);
    }

    [ContractFact]
    public async Task Both_directions_are_aborted_together()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        var reading = ReadAsync(opened, 1);

        opened.Abort(QuicAbortDirection.Both, 12);

        await FailsAsync(QuicTransportError.OperationAborted, () => reading);
        Assert.Equal(12, (await FailsAsync(QuicTransportError.StreamAborted, () => ReadAsync(accepted, 1))).ErrorCode);
        await AssertStopsWritingAsync(accepted);
        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_disposed_stream_is_finished_and_stops_the_peer()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        await WriteAsync(opened, "last"u8.ToArray());

        await opened.DisposeAsync();

        Assert.Equal("last"u8.ToArray(), await ReadToEndAsync(accepted));
        await AssertStopsWritingAsync(accepted);
        await accepted.Closed.WaitAsync(Soon);
    }

    [ContractFact]
    public async Task A_stream_may_be_disposed_often_and_from_anywhere()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        _ = accepted.Input.ReadAsync().AsTask().ContinueWith(_ => { }, TaskScheduler.Default);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            if (i == 4) accepted.Abort(QuicAbortDirection.Both, 1);
            await accepted.DisposeAsync();
            await opened.DisposeAsync();
        }))).WaitAsync(Soon);

        await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
        await StreamAsync(client, server);
    }

    /// <summary>Once this returns, the acceptor has seen what the opener sent before.</summary>
    private static async Task BarrierAsync(IQuicConnection opener, IQuicConnection acceptor)
    {
        var (opened, accepted) = await StreamAsync(opener, acceptor);
        await opened.DisposeAsync();
        await accepted.DisposeAsync();
    }

    private static async Task AssertStopsWritingAsync(IQuicStream stream)
    {
        using var deadline = new CancellationTokenSource(Soon);
        while (!(await stream.Output.WriteAsync(new byte[100], deadline.Token)).IsCompleted) await Task.Yield();
    }

    private static T Narrow<T>(T options) where T : QuicConnectionOptions => options with
    {
        StreamReceiveWindow = 64 * 1024,
        SendBuffer = 64 * 1024,
    };
}
