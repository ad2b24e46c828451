using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2.Loop;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2BadNetworkSpecs
{
    // Of a server that waits.
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    protected virtual int Loops => 1;

    [Fact]
    public async Task Over_a_bad_network_everything_arrives_whole()
    {
        const int Streams = 8;
        await using var pair = await Pair.Listen(loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0.02);
        var (client, server) = await pair.Both(options => options with { EndPoint = network.EndPoint });
        var serving = Serve();

        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async number =>
        {
            var stream = await Pair.Open(client);
            var sent = Pair.SomeBytes(300_000 + number);
            var sending = Send(stream, sent);
            var heard = await Pair.ReadToEnd(stream);
            await sending;
            Assert.True(sent.AsSpan().SequenceEqual(heard), "what came back differs");
            await stream.DisposeAsync();
        })).WaitAsync(Pair.Patience);

        await serving.WaitAsync(Pair.Patience);
        await client.DisposeAsync();
        await server.DisposeAsync();

        async Task Serve() => await Task.WhenAll(
            (await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => Pair.AcceptStream(server)))).Select(Echo));

        static async Task Echo(IQuicStream stream)
        {
            await stream.Input.CopyToAsync(stream.Output);
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_peer_may_move_to_another_port()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        var (client, server) = await pair.Streams(options => options with { EndPoint = network.EndPoint });

        var port = network.Move();
        for (byte i = 0; i < 50 && server.Connection.RemoteEndPoint.Port != port; i++)
        {
            await Pair.Write(client, [i]);
            await Pair.Write(server, await Pair.Read(server, 1));
            Assert.Equal([i], await Pair.Read(client, 1));
        }

        Assert.Equal(port, server.Connection.RemoteEndPoint.Port);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.01)]
    public async Task A_peer_that_moves_again_and_again_goes_on_where_it_was(double fault)
    {
        const int Moves = 12;
        await using var pair = await Pair.Listen(loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault);
        var (client, server) = await pair.Streams(options => options with { EndPoint = network.EndPoint });
        var sent = Pair.SomeBytes(Moves * 200_000);
        var echoing = Echo(server);
        var ports = new HashSet<int>();

        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < Moves; i++)
            {
                await client.Output.WriteAsync(sent.AsMemory(i * 200_000, 200_000));
                ports.Add(network.Move());
            }

            await client.Output.CompleteAsync();
        });
        var heard = await Pair.ReadToEnd(client);

        await Task.WhenAll(sending, echoing).WaitAsync(Pair.Patience);
        Assert.True(sent.AsSpan().SequenceEqual(heard), "what came back differs");
        Assert.Contains(server.Connection.RemoteEndPoint.Port, ports);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();

        static async Task Echo(IQuicStream stream)
        {
            await stream.Input.CopyToAsync(stream.Output);
            await stream.Output.CompleteAsync();
        }
    }

    // RFC 9000, section 9.3.3. The packet is a bare acknowledgement, so that the client has nothing to say again: it is for
    // the server to find out that nobody is where it sends to.
    [Fact]
    public async Task Strangers_who_send_a_clients_packets_on_do_not_keep_the_connection()
    {
        const int Strangers = 3;
        await using var pair = await Pair.Listen(loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        var (client, server) = await pair.Streams(options => options with { EndPoint = network.EndPoint });
        for (var i = 0; i < Strangers; i++)
        {
            using var stranger = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
            var port = ((IPEndPoint)stranger.Client.LocalEndPoint!).Port;
            var seized = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
            network.Seizes = packet => seized.TrySetResult(packet.ToArray()) || true;
            await Pair.Write(server, [3]);
            await Pair.Read(client, 1);
            var packet = await seized.Task.WaitAsync(Pair.Patience);
            await stranger.SendAsync(packet, pair.Listener.LocalEndPoint);
            // What cannot be read counts as well: the server may send three times as much there, and does to the last byte.
            byte[] spoiled = [.. packet.AsSpan(0, 1 + ConnectionIds.Length), .. new byte[1000]];
            await stranger.SendAsync(spoiled, pair.Listener.LocalEndPoint);
            await Pair.Until(
                () => server.Connection.RemoteEndPoint.Port == port, () => $"it is at {server.Connection.RemoteEndPoint}");
            network.Seizes = null;

            var sent = Pair.SomeBytes(100_000 + i);
            var sending = server.Output.WriteAsync(sent);
            Assert.Equal(sent, await Pair.Read(client, sent.Length));
            await sending;
            Assert.NotEqual(port, server.Connection.RemoteEndPoint.Port);
        }

        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    // The server may send three times what came from the new address and no more (RFC 9000, section 8.1). Here that is just
    // what fills its window, and no acknowledgement comes: the client has nothing to say again, so the server has to.
    [Theory]
    [InlineData(4400)]
    [InlineData(4800)]
    [InlineData(4900)]
    [InlineData(5500)]
    public async Task What_a_client_that_moved_could_not_acknowledge_is_sent_again(int asked)
    {
        await using var pair = await Pair.Listen(loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        var (client, server) = await pair.Streams(options => options with
        {
            EndPoint = network.EndPoint,
            KeepAliveInterval = TimeSpan.FromMilliseconds(500),
        });
        var answer = Pair.SomeBytes(100_000);
        var (fromClient, lastAnswer) = (0, 0L);
        network.Seizes = _ => Interlocked.Increment(ref fromClient) > 4;
        network.SeizesAnswers = _ =>
        {
            Volatile.Write(ref lastAnswer, Stopwatch.GetTimestamp());
            return false;
        };

        network.Move();
        await Pair.Write(client, Pair.SomeBytes(asked));
        await Pair.Read(server, 1);
        var sending = Send(server, answer);
        var receiving = Pair.ReadToEnd(client);
        await Pair.Until(
            () => Volatile.Read(ref lastAnswer) is not 0 and var last && Stopwatch.GetElapsedTime(last) > Silence,
            () => "the server sends on to where nobody answers");
        Assert.False(receiving.IsCompleted);
        network.Seizes = null;

        Assert.Equal(answer, await receiving.WaitAsync(Pair.Patience));
        await sending;
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    // Nothing asks for the answers to path challenges again (RFC 9000, section 13.3), and they take up the client's window.
    [Fact]
    public async Task A_client_whose_answers_about_its_path_are_all_lost_goes_on_when_they_no_longer_are()
    {
        const int PathResponse = 1200, MostMoves = 100;
        var asked = TimeSpan.FromSeconds(1); // how often the server asks a client that moved whether it is there
        await using var pair = await Pair.Listen(loops: Loops);
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        var (client, server) = await pair.Streams(options => options with
        {
            EndPoint = network.EndPoint,
            KeepAliveInterval = 2 * asked,
        });
        var packets = 0;
        network.Seizes = _ => Interlocked.Increment(ref packets) % 5 == 0; // makes its window small
        var sent = Pair.SomeBytes(50_000);
        var sending = Pair.Write(client, sent);
        Assert.Equal(sent, await Pair.Read(server, sent.Length));
        await sending;

        using var answered = new SemaphoreSlim(0);
        network.Seizes = packet => packet.Length >= PathResponse && answered.Release() >= 0;
        for (var (moves, missed) = (0, 0); missed < 3; moves++) // until there is no room for one
        {
            Assert.InRange(moves, 0, MostMoves);
            while (answered.Wait(0))
            {
            }

            network.Move();
            await Pair.Write(server, [1]); // an acknowledgement is all that it wants, and that wants none
            missed = await answered.WaitAsync(asked + Silence) ? 0 : missed + 1;
        }

        network.Seizes = null;
        await Pair.Write(client, [2]);
        var reading = Pair.Read(server, 1);
        using var ticks = new PeriodicTimer(Silence);
        while (!reading.IsCompleted && await ticks.WaitForNextTickAsync()) network.Move();
        Assert.Equal([2], await reading);

        // It has another connection id now; libngtcp2 counts the old one while it may go back to an old path.
        for (byte i = 0; i < 20; i++)
        {
            network.Move();
            await Pair.Write(client, [i]);
            Assert.Equal([i], await Pair.Read(server, 1));
            await Pair.Write(server, [i]);
            await ticks.WaitForNextTickAsync();
        }

        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    private static async Task Send(IQuicStream stream, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length; sent += 7000)
            await stream.Output.WriteAsync(bytes.AsMemory(sent, Math.Min(7000, bytes.Length - sent)));
        await stream.Output.CompleteAsync();
    }
}
