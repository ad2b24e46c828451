using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2;
using Microsoft.Extensions.Logging.Testing;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2EndpointSpecs
{
    protected virtual int Loops => 1;

    private const int LongHeader = 0xc0;

    // Streams that other specs never dispose keep theirs.
    private readonly long _blocksBefore = Counters.SendBlocks;

    // Who may go beyond net.core.rmem_max does; who may not is told.
    [Fact]
    public async Task A_listener_has_the_receive_buffer_that_it_needs_or_says_how_to_allow_it()
    {
        var log = new FakeLogger<Ngtcp2Provider>();
        await using var listener = await new Ngtcp2Provider(log, new Ngtcp2Options { Loops = Loops }).ListenAsync(
            Pair.Listening);

        var told = log.Collector.GetSnapshot().Count(line => line.Message.Contains("net.core.rmem_max", StringComparison.Ordinal));
        var isLarge = ((Transport.Ngtcp2.Listener)listener).Group.Loops[0].Socket.ReceiveBuffer >= 4 << 20;
        Assert.Equal(isLarge ? 0 : 1, told);
    }

    [Fact]
    public async Task A_thousand_connections_leave_nothing_behind()
    {
        await OthersAreGone();
        await using (var pair = await Pair.Listen(loops: Loops))
        {
            for (var i = 0; i < 1000; i++)
            {
                var (client, server) = await pair.Streams(options => options with { Trust = QuicTrust.Anything });
                await Pair.Write(server, [2]);
                await Pair.Read(client, 1);
                if (i % 3 != 0) await client.DisposeAsync();
                if (i % 2 == 0) await server.DisposeAsync();
                await client.Connection.CloseAsync(0).AsTask().WaitAsync(Pair.Patience);
                await server.DisposeAsync();
                await client.DisposeAsync();
                await server.Connection.DisposeAsync();
                await client.Connection.DisposeAsync();
            }
        }

        await NothingIsLeft();
    }

    [Fact]
    public async Task Failed_handshakes_leave_nothing_behind()
    {
        await OthersAreGone();
        await using (var pair = await Pair.Listen(loops: Loops))
        {
            for (var i = 0; i < 30; i++)
            {
                await Pair.Fails(QuicTransportError.AlpnMismatch,
                    () => pair.Connect(options => options with { ApplicationProtocol = "other" }));
                await Pair.Fails(QuicTransportError.AuthenticationFailed,
                    () => pair.Connect(options => options with { ServerName = "other" }));
            }
        }

        await NothingIsLeft();
    }

    [Fact]
    public async Task Connections_torn_down_in_the_middle_of_traffic_leave_nothing_behind()
    {
        await OthersAreGone();
        await using (var pair = await Pair.Listen(loops: Loops))
        {
            for (var i = 0; i < 50; i++)
            {
                var (client, server) = await pair.Streams();
                var sending = Flood(client);
                var receiving = Swallow(server);
                if (i % 2 == 0) client.Connection.Abort(1);
                else server.Connection.Abort(1);
                await Task.WhenAll(sending, receiving).WaitAsync(Pair.Patience);
                await client.DisposeAsync();
                await server.DisposeAsync();
                await client.Connection.DisposeAsync();
                await server.Connection.DisposeAsync();
            }
        }

        await NothingIsLeft();

        static async Task Flood(IQuicStream stream)
        {
            try
            {
                while (true) await stream.Output.WriteAsync(new byte[10_000]);
            }
            catch (QuicTransportException)
            {
            }
        }

        static async Task Swallow(IQuicStream stream)
        {
            try
            {
                await stream.Input.CopyToAsync(Stream.Null);
            }
            catch (QuicTransportException)
            {
            }
        }
    }

    [Fact]
    public async Task Garbage_harms_nobody()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        var (client, server) = await pair.Streams();
        using var socket = new UdpClient(0, AddressFamily.InterNetwork);
        var random = new Random(1);
        for (var i = 0; i < 5000; i++)
        {
            var garbage = new byte[random.Next(1, 1500)];
            random.NextBytes(garbage);
            if (i % 3 == 0) garbage[0] |= LongHeader;
            if (i % 6 == 0 && garbage.Length > 20) new byte[] { 0, 0, 0, 1, 8 }.CopyTo(garbage, 1);
            await socket.SendAsync(garbage, pair.Listener.LocalEndPoint);
        }

        await Pair.Write(client, [7]);
        Assert.Equal([7], await Pair.Read(server, 1));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task An_unknown_version_is_answered_with_the_known_ones()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        using var socket = new UdpClient(0, AddressFamily.InterNetwork);
        var packet = new byte[1200];
        RandomNumberGenerator.Fill(packet);
        byte[] header = [LongHeader, 0xba, 0xba, 0xba, 0xba, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
        header.CopyTo(packet, 0);

        await socket.SendAsync(packet, pair.Listener.LocalEndPoint);
        var answer = (await socket.ReceiveAsync().WaitAsync(Pair.Patience)).Buffer;

        Assert.Equal(new byte[4], answer[1..5]); // RFC 9000, section 17.2.1: version 0
        Assert.Contains(answer.Skip(15).Chunk(4), version => version.SequenceEqual(new byte[] { 0, 0, 0, 1 }));
    }

    [Fact]
    public async Task Ipv6_works_and_says_so()
    {
        await using var pair = await Pair.Listen(
            options => options with { EndPoint = new IPEndPoint(IPAddress.IPv6Loopback, 0) }, loops: Loops);
        var (client, server) = await pair.Both();

        await Pair.Streams(client, server);

        Assert.Equal(IPAddress.IPv6Loopback, server.RemoteEndPoint.Address);
        Assert.Equal(pair.Listener.LocalEndPoint, client.RemoteEndPoint);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.2")]
    [InlineData("::", "127.0.0.2")]
    [InlineData("::", "::1")]
    public async Task Where_all_addresses_are_bound_each_answers_for_itself(string bound, string asked)
    {
        await using var pair = await Pair.Listen(
            options => options with { EndPoint = new IPEndPoint(IPAddress.Parse(bound), 0) }, loops: Loops);
        var to = new IPEndPoint(IPAddress.Parse(asked), pair.Listener.LocalEndPoint.Port);

        var (client, server) = await pair.Streams(options => options with { EndPoint = to });
        await Pair.Write(server, Pair.SomeBytes(100_000));

        Assert.Equal(Pair.SomeBytes(100_000), await Pair.Read(client, 100_000));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Where_segmentation_is_refused_packets_go_one_by_one()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        var (client, server) = await pair.Streams();
        foreach (var loop in pair.Group.Loops) loop.Post(() => loop.Socket.SegmentationOffload = false);
        var sent = Pair.SomeBytes(3_000_000);

        var writing = Pair.Write(server, sent);
        var heard = await Pair.Read(client, 200_000);
        var rest = Pair.ReadToEnd(client);
        await writing;
        await server.Output.CompleteAsync();

        byte[] all = [.. heard, .. await rest];
        Assert.True(sent.AsSpan().SequenceEqual(all));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    /// <summary>So many clients at once have long round trips, and tombstones that stay for three probe time-outs: longer
    /// than a spec waits.</summary>
    private static Task OthersAreGone() =>
        Pair.Until(() => Counters.Endpoints == 0, () => $"of the specs before: {Counters.Describe()}", Pair.Patience * 6);

    /// <summary>Tombstones keep a client's port for three probe time-outs, so this may take a moment.</summary>
    private Task NothingIsLeft() => Pair.Until(
        () => Counters.Endpoints + Counters.NativeConnections + Counters.TlsSessions + Counters.Credentials
            + Counters.Streams + Counters.PacketKeys + Counters.KeyContexts == 0
            && Counters.SendBlocks <= _blocksBefore, // those before may have left some that go now
        Counters.Describe);
}
