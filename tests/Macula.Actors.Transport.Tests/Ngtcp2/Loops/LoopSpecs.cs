using System.Net;
using System.Security.Cryptography;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;

namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>Several loops share a listener's port.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class LoopSpecs
{
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Every_loop_has_some_of_the_connections(int loops)
    {
        const int Connections = 64;
        await using var pair = await Pair.Listen(loops: loops);
        var (clients, servers) = await Crowd.Connect(pair, Connections);

        var shares = await Task.WhenAll(pair.Group.Loops.Select(loop => OnLoop(loop, () => loop.Sessions.Count)));

        Assert.Equal((loops, Connections), (shares.Length, shares.Sum()));
        Assert.DoesNotContain(0, shares);
        Assert.Equal(0, pair.Metrics.ForwardedDatagrams);
        await Crowd.Dispose(clients, servers);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_client_that_moves_to_where_another_loop_reads_goes_on_with_all_its_data(int loops)
    {
        await using var pair = await Pair.Listen(loops: loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        var (client, server) = await pair.Streams(options => options with { EndPoint = network.EndPoint });

        for (var move = 0; move < 12 || pair.Metrics.ForwardedDatagrams == 0; move++)
        {
            Assert.True(move < 200, "the kernel has given each of 200 ports to the same loop");
            network.Move();
            var sent = Pair.SomeBytes(50_000 + move);
            var sending = Pair.Write(client, sent);
            var heard = await Pair.Read(server, sent.Length);
            await sending;
            Assert.True(sent.AsSpan().SequenceEqual(heard), "what arrived differs");
            var answering = Pair.Write(server, sent);
            var echo = await Pair.Read(client, sent.Length);
            await answering;
            Assert.True(sent.AsSpan().SequenceEqual(echo), "what came back differs");
        }

        Assert.Equal(0, pair.Metrics.Dropped(DropReason.ForwardQueueFull));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task The_limit_for_an_address_is_exact_whichever_loops_its_clients_meet()
    {
        const int Most = 10;
        const int Clients = 40;
        await using var pair = await Pair.Listen(
            defence: new Ngtcp2Options { MaxConnectionsPerAddress = Most, Retry = RetryPolicy.Never }, loops: 4);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            try
            {
                return await Crowd.Connect(pair.Connecting);
            }
            catch (QuicTransportException refused) when (refused.Error == QuicTransportError.ConnectionRefused)
            {
                return null;
            }
        }));

        Assert.Equal(Most, outcomes.Count(connection => connection is not null));
        Assert.Equal(Clients - Most, pair.Metrics.Refused(RefusalReason.ConnectionsPerAddress));
        await Crowd.Dispose(outcomes.OfType<IQuicConnection>());
    }

    [Fact]
    public async Task The_limit_of_half_open_connections_is_exact_whichever_loops_they_meet()
    {
        const int Most = 10;
        const int Strangers = 64;
        await using var pair = await Pair.Listen(
            defence: new Ngtcp2Options { MaxHalfOpen = Most, Retry = RetryPolicy.Never }, loops: 4);
        var strangers = Enumerable.Range(0, Strangers).Select(_ => new Stranger(pair.Listener.LocalEndPoint)).ToArray();

        await Task.WhenAll(strangers.Select(stranger => stranger.SendAsync(new InitialPacket().ToDatagram())));

        await Pair.Until(
            () => pair.Metrics.Refused(RefusalReason.HalfOpen) == Strangers - Most,
            () => $"refused: {pair.Metrics.Refused(RefusalReason.HalfOpen)}, half open: {pair.Metrics.HalfOpen}");
        Assert.Equal(Most, pair.Metrics.HalfOpen);
        foreach (var stranger in strangers) stranger.Dispose();
    }

    /// <summary>Its id says nothing of the loop; the token at its end does.</summary>
    [Fact]
    public async Task A_reset_that_comes_to_another_loop_is_passed_to_its_connections()
    {
        await using var pair = await Pair.Listen(loops: 4);
        var (clients, servers) = await Crowd.Connect(pair, 1);
        var token = RandomNumberGenerator.GetBytes(StatelessResetTokens.TokenLength);
        await Task.WhenAll(pair.Group.Loops.Select(loop => OnLoop(loop, () =>
        {
            foreach (var session in loop.Sessions) session.AddResetToken(new CidKey(token));
            return 0;
        })));

        for (var i = 0; i < 64; i++)
        {
            using var stranger = new Stranger(pair.Listener.LocalEndPoint);
            byte[] reset = [0x40, .. RandomNumberGenerator.GetBytes(24), .. token];
            await stranger.SendAsync(reset);
        }

        await Pair.Until(
            () => pair.Metrics.ForwardedDatagrams > 10, () => $"forwarded: {pair.Metrics.ForwardedDatagrams}");
        Assert.Equal(0, pair.Metrics.ResetsSent); // as to who is not known
        await Crowd.Dispose(clients, servers);
    }

    [Fact]
    public async Task What_a_loop_is_passed_is_bounded_and_the_rest_is_counted()
    {
        const int Size = 1200;
        await using var pair = await Pair.Listen(loops: 2);
        var busy = pair.Group.Loops[1];
        using var begun = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        busy.Post(() =>
        {
            begun.Release();
            go.Wait();
        });
        Assert.True(await begun.WaitAsync(Pair.Patience));
        using var deadline = new CancellationTokenSource(Pair.Patience);

        var packet = new byte[Size];
        packet[0] = 0x40;
        while (pair.Metrics.Dropped(DropReason.ForwardQueueFull) == 0 && !deadline.IsCancellationRequested)
        {
            using var stranger = new Stranger(pair.Listener.LocalEndPoint); // half of them meet the other loop
            for (var i = 0; i < 500; i++)
            {
                Id(busy).CopyTo(packet, 1);
                await stranger.SendAsync(packet);
            }
        }

        var dropped = pair.Metrics.Dropped(DropReason.ForwardQueueFull);
        var kept = pair.Metrics.ForwardedDatagrams;
        go.Set();
        Assert.True(dropped > 0, $"{kept} datagrams were kept");
        Assert.Equal(ForwardQueue.MostBytes / (Size + ForwardQueue.Overhead), kept);

        // It goes on: all that was kept is looked at, and new clients are served.
        var (clients, servers) = await Crowd.Connect(pair, 8);
        await Crowd.Dispose(clients, servers);

        static unsafe byte[] Id(Transport.Ngtcp2.Loop.Endpoint loop)
        {
            var id = loop.Ids.New();
            return new ReadOnlySpan<byte>(id.Data, ConnectionIds.Length).ToArray();
        }
    }

    [Fact]
    public async Task A_loop_that_fails_takes_the_listener_along_and_frees_the_port()
    {
        await using var pair = await Pair.Listen(loops: 4);
        var (clients, servers) = await Crowd.Connect(pair, 16);
        var accepting = pair.Accept();

        pair.Group.Loops[2].Post(() => throw new InvalidOperationException("the spec's"));

        var told = await Pair.Fails(QuicTransportError.InternalError, () => accepting);
        Assert.Equal("the transport loop has failed", told.Message);
        foreach (var server in servers)
            Assert.Equal(QuicTransportError.InternalError, (await Pair.Ended(server)).Error);
        await pair.Group.Stopped.WaitAsync(Pair.Patience);
        await using var next = await Pair.Listen(
            options => options with { EndPoint = pair.Listener.LocalEndPoint }, loops: 2);
        await Crowd.Dispose(clients, servers);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public async Task A_port_that_is_taken_is_shared_with_no_other_listener(int loops, int others)
    {
        IPEndPoint port;
        await using (var pair = await Pair.Listen(loops: loops))
        {
            port = pair.Listener.LocalEndPoint;
            await Pair.Fails(QuicTransportError.AddressInUse, Again);
        }

        await Again(); // it is free at once

        async Task Again()
        {
            await using var pair = await Pair.Listen(options => options with { EndPoint = port }, loops: others);
        }
    }

    [Fact]
    public void An_id_names_its_loop_to_its_own_port_alone()
    {
        const int Loops = 4;
        var firstBytes = new HashSet<byte>();
        for (var loop = 0; loop < Loops; loop++)
        {
            var (mine, theirs) = (new ConnectionIds(loop, Loops), new ConnectionIds((loop + 1) % Loops, Loops));
            for (var i = 0; i < 1000; i++)
            {
                var id = Bytes(mine);
                Assert.Equal((loop, loop), (mine.OwnerOf(id), theirs.OwnerOf(id)));
                firstBytes.Add(id[0]);
            }
        }

        Assert.InRange(firstBytes.Count, 200, 256); // a bare number would be one of four

        static unsafe byte[] Bytes(ConnectionIds ids)
        {
            var id = ids.New();
            return new ReadOnlySpan<byte>(id.Data, (int)id.Length).ToArray();
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(65)]
    public void A_number_of_loops_that_cannot_be_is_named(int loops)
    {
        var thrown = Assert.Throws<QuicTransportException>(
            () => new Ngtcp2Provider(options: new Ngtcp2Options { Loops = loops }));
        Assert.Equal(
            (QuicTransportError.InvalidConfiguration, $"Loops is '{loops}'; allowed: 0 to 64"),
            (thrown.Error, thrown.Message));
    }

    [Fact]
    public async Task Without_a_number_there_are_as_many_as_processors()
    {
        await using var pair = await Pair.Listen(loops: 0);

        Assert.Equal(Math.Min(Environment.ProcessorCount, Ngtcp2Options.MostAutomaticLoops), pair.Group.Loops.Count);
    }

    private static Task<T> OnLoop<T>(Transport.Ngtcp2.Loop.Endpoint loop, Func<T> ask)
    {
        var answer = new TaskCompletionSource<T>();
        loop.Post(() => answer.SetResult(ask()));
        return answer.Task.WaitAsync(Pair.Patience);
    }
}
