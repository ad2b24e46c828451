namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task Ten_megabytes_arrive_whole_in_both_directions_at_once()
    {
        var (client, server) = await PairAsync();
        var (opened, accepted) = await StreamAsync(client, server);
        var there = SomeBytes(10_000_000, seed: 2);
        var back = SomeBytes(10_000_000, seed: 3);

        var sending = Task.WhenAll(SendAsync(opened, there), SendAsync(accepted, back));
        var received = await Task.WhenAll(ReceiveAsync(accepted), ReceiveAsync(opened));

        await sending.WaitAsync(Soon);
        Assert.True(there.AsSpan().SequenceEqual(received[0]));
        Assert.True(back.AsSpan().SequenceEqual(received[1]));
    }

    [ContractFact]
    public async Task A_hundred_streams_run_at_once()
    {
        var (client, server) = await PairAsync();
        _ = EchoAsync(server);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => AssertEchoAsync(client, SomeBytes(10_000, i))));
    }

    [ContractFact]
    public async Task A_thousand_short_streams_follow_each_other()
    {
        var (client, server) = await PairAsync();
        _ = EchoAsync(server);

        for (var i = 0; i < 1000; i++) await AssertEchoAsync(client, BitConverter.GetBytes(i));
    }

    [ContractFact]
    public async Task Beyond_the_stream_limit_opening_waits_until_one_closes()
    {
        var (client, server) = await PairAsync(options => options with { MaxInboundStreams = 100 });
        var pairs = new List<(IQuicStream Opened, IQuicStream Accepted)>();
        for (var i = 0; i < 100; i++) pairs.Add(await StreamAsync(client, server));

        var waiting = client.OpenStreamAsync().AsTask();
        await AssertAliveAsync(pairs[0]);
        Assert.False(waiting.IsCompleted);
        await CloseAsync(pairs[50]);

        await using var next = await waiting.WaitAsync(Soon);
        await WriteAsync(next, "!"u8.ToArray());
        Assert.Equal("!"u8.ToArray(), await ReadAsync(await AcceptStreamAsync(server), 1));
    }

    [ContractFact]
    public async Task Each_side_has_a_stream_limit_of_its_own()
    {
        var (client, server) = await PairAsync(
            options => options with { MaxInboundStreams = 1 }, options => options with { MaxInboundStreams = 2 });
        await StreamAsync(client, server);
        await StreamAsync(server, client);
        await StreamAsync(server, client);

        var clientWaits = client.OpenStreamAsync().AsTask();
        var serverWaits = server.OpenStreamAsync().AsTask();
        await client.CloseAsync(0).AsTask().WaitAsync(Soon);

        await FailsAsync(QuicTransportError.OperationAborted, () => clientWaits);
        await FailsAsync(QuicTransportError.ConnectionAborted, () => serverWaits);
    }

    [ContractFact]
    public async Task A_reader_that_does_not_read_stops_the_writer_and_then_lets_it_go_on()
    {
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (opened, accepted) = await StreamAsync(client, server);
        var sent = SomeBytes(2_000_000);
        long written = 0;
        var full = new TaskCompletionSource();

        var writing = Task.Run(async () =>
        {
            foreach (var chunk in sent.Chunk(4000))
            {
                await opened.Output.WriteAsync(chunk);
                if (Interlocked.Add(ref written, chunk.Length) >= 64 * 1024) full.TrySetResult();
            }

            await opened.Output.CompleteAsync();
        });
        await full.Task.WaitAsync(Soon);
        await OutlastAsync(ShortIdle); // long enough to write all of it, were nothing in the way

        // Both bounds are 64 KiB here; a provider may hold some more on the way, but not all.
        Assert.InRange(Interlocked.Read(ref written), 64 * 1024, 8 * 64 * 1024);
        Assert.False(writing.IsCompleted);
        var received = await ReceiveAsync(accepted);
        Assert.True(sent.AsSpan().SequenceEqual(received));
        await writing.WaitAsync(Soon);
    }

    [ContractFact]
    [Trait("Defect", "D45")]
    public async Task A_stalled_stream_does_not_stop_another()
    {
        var (client, server) = await PairAsync(Narrow, Narrow);
        var (stalled, _) = await StreamAsync(client, server);
        var waiting = Stall(stalled);
        _ = EchoAsync(server);

        await AssertEchoAsync(client, SomeBytes(500_000));
        Assert.False(waiting.IsCompleted);
    }

    [ContractFact]
    public async Task What_a_given_up_stream_had_buffered_no_longer_counts_against_the_connection()
    {
        var (client, server) = await PairAsync(
            options => Narrow(options) with { ConnectionReceiveWindow = 256 * 1024 }, Narrow);

        for (var i = 0; i < 10; i++)
        {
            var (opened, accepted) = await StreamAsync(client, server);
            await WriteAsync(opened, SomeBytes(60_000));
            await accepted.DisposeAsync();
            await opened.DisposeAsync();
            await Task.WhenAll(opened.Closed, accepted.Closed).WaitAsync(Soon);
        }

        _ = EchoAsync(server);
        await AssertEchoAsync(client, SomeBytes(500_000));
    }

    // As CopyToAsync does where the other side takes no more.
    [ContractFact]
    public async Task Who_advances_to_no_position_has_consumed_nothing()
    {
        var (client, server) = await PairAsync();
        foreach (var length in (int[])[100, 20_000]) // in one piece, and in several
        {
            var stream = await OpenAsync(client);
            var sent = SomeBytes(length);
            await WriteAsync(stream, sent);
            var accepted = await AcceptStreamAsync(server);
            Assert.Equal(sent[..1], await ReadAsync(accepted, 1));
            await accepted.Input.ReadAtLeastAsync(length - 1).AsTask().WaitAsync(Soon);
            accepted.Input.AdvanceTo(default);

            Assert.Equal(sent[1..], await ReadAsync(accepted, length - 1));
        }
    }

    [ContractFact]
    public async Task A_bulk_stream_does_not_starve_fifty_small_ones()
    {
        const int Small = 50, Rounds = 20;
        var (client, server) = await PairAsync();
        _ = EchoAsync(server);
        await using var bulk = await OpenAsync(client);
        using var enough = new CancellationTokenSource();
        var piece = new byte[64 * 1024];
        long sent = 0;
        var sending = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await bulk.Output.WriteAsync(piece);
                Interlocked.Add(ref sent, piece.Length);
            }
        });
        var draining = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    var read = await bulk.Input.ReadAsync();
                    bulk.Input.AdvanceTo(read.Buffer.End);
                    if (read.IsCompleted) return;
                }
            }
            catch (QuicTransportException)
            {
                // It is given up below.
            }
        });

        await Task.WhenAll(Enumerable.Range(0, Small).Select(i => Task.Run(async () =>
        {
            await using var stream = await OpenAsync(client);
            for (var round = 0; round < Rounds; round++)
            {
                var bytes = BitConverter.GetBytes((i * Rounds) + round);
                await WriteAsync(stream, bytes);
                Assert.Equal(bytes, await ReadAsync(stream, 4));
            }
        }))).WaitAsync(Soon * 3);

        Assert.False(sending.IsCompleted, "the bulk stream did not last: it proves nothing");
        Assert.True(Interlocked.Read(ref sent) > piece.Length, "the small streams starved the bulk one");
        await enough.CancelAsync();
        await sending.WaitAsync(Soon);
        bulk.Abort(QuicAbortDirection.Both, 0);
        await draining.WaitAsync(Soon);
    }

    [ContractFact]
    public async Task Streams_that_were_blocked_by_either_window_always_go_on()
    {
        const int Streams = 8, Each = 100_000;
        var (client, server) = await PairAsync(options => options with
        {
            StreamReceiveWindow = 4096,
            ConnectionReceiveWindow = 8192, // smaller than what two streams may send
        });
        var receiving = Task.Run(async () =>
        {
            var all = new List<Task<byte[]>>();
            for (var i = 0; i < Streams; i++) all.Add(TakeAsync(await AcceptStreamAsync(server)));
            return await Task.WhenAll(all);
        });

        await Task.WhenAll(Enumerable.Range(0, Streams).Select(i => Task.Run(async () =>
        {
            await using var stream = await OpenAsync(client);
            foreach (var chunk in SomeBytes(Each, i).Chunk(100 + (i * 997))) await WriteAsync(stream, chunk);
            await stream.Output.CompleteAsync();
            await stream.Closed.WaitAsync(Soon);
        }))).WaitAsync(Soon);

        foreach (var received in await receiving.WaitAsync(Soon)) Assert.Equal(Each, received.Length);

        static async Task<byte[]> TakeAsync(IQuicStream stream)
        {
            await using var _ = stream;
            return await ReceiveAsync(stream);
        }
    }

    [ContractFact]
    public async Task A_stream_that_waits_for_the_connections_window_goes_on_when_the_other_is_given_up()
    {
        var (client, server) = await PairAsync(
            options => options with { StreamReceiveWindow = 64 * 1024, ConnectionReceiveWindow = 64 * 1024 }, Narrow);
        var (hog, unread) = await StreamAsync(client, server);
        var stalled = Stall(hog);
        var waiting = await OpenAsync(client);
        var writing = WriteAsync(waiting, "let me through"u8.ToArray());

        unread.Abort(QuicAbortDirection.Read, 3);

        Assert.True((await stalled.WaitAsync(Soon)).IsCompleted);
        await writing;
        Assert.Equal("let me through"u8.ToArray(), await ReadAsync(await AcceptStreamAsync(server), 14));
    }

    private static async Task SendAsync(IQuicStream stream, byte[] bytes)
    {
        foreach (var chunk in bytes.Chunk(50_000)) await WriteAsync(stream, chunk);
        await stream.Output.CompleteAsync();
    }

    private static async Task<byte[]> ReceiveAsync(IQuicStream stream)
    {
        using var all = new MemoryStream();
        await stream.Input.CopyToAsync(all).WaitAsync(TimeSpan.FromSeconds(60));
        return all.ToArray();
    }

    private static async Task AssertAliveAsync((IQuicStream Opened, IQuicStream Accepted) pair)
    {
        await WriteAsync(pair.Opened, "?"u8.ToArray());
        Assert.Equal("?"u8.ToArray(), await ReadAsync(pair.Accepted, 1));
        await WriteAsync(pair.Accepted, "!"u8.ToArray());
        Assert.Equal("!"u8.ToArray(), await ReadAsync(pair.Opened, 1));
    }

    private static async Task CloseAsync((IQuicStream Opened, IQuicStream Accepted) pair)
    {
        await pair.Opened.Output.CompleteAsync();
        Assert.Empty(await ReadToEndAsync(pair.Accepted));
        await pair.Accepted.Output.CompleteAsync();
        Assert.Empty(await ReadToEndAsync(pair.Opened));
        await pair.Opened.DisposeAsync();
        await pair.Accepted.DisposeAsync();
    }
}
