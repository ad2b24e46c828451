using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Metrics;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>Packets that decrypt and say what they must not (RFC 9000, sections 12.4 and 19).</summary>
[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2OddPacketSpecs
{
    protected virtual int Loops => 1;

    private static readonly string[] OddFrames =
    [
        "0a00010041", // STREAM
        "1e", // HANDSHAKE_DONE
        "0703616263", // NEW_TOKEN
        "1d0000", // CONNECTION_CLOSE of the application
        "0440ff0000", // RESET_STREAM
        "0280ffffff000000", // ACK of what was never sent
        "0203000004", // ACK of numbers below 0
        "06bfffffff0100", // CRYPTO far ahead
        "5fff", // a type that nobody knows
    ];

    /// <summary>Anybody on the way can make such packets, so they end nothing: they are passed over, and the hello
    /// around them is answered.</summary>
    [Fact]
    public async Task Frames_that_have_no_place_in_a_first_packet_lead_nowhere_and_harm_nobody()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        var (client, server) = await pair.Streams();
        var hello = await CapturedHello.TakeAsync(new Ngtcp2Provider());
        var body = hello.Frames.AsMemory(4); // past the header of the CRYPTO frame
        var half = body.Length / 2;
        foreach (var frames in OddFrames)
        {
            using var stranger = new Stranger(pair.Listener.LocalEndPoint);
            // The source id is in the hello too, as a transport parameter (RFC 9000, section 7.3).
            var first = new InitialPacket { SourceId = hello.SourceId, Frames = InitialPacket.Crypto(0, body.Span[..half]) };
            await stranger.SendAsync(first.ToDatagram());
            await stranger.SendAsync((first with { Number = 1, Frames = Convert.FromHexString(frames) }).ToDatagram());
            await stranger.SendAsync(
                (first with { Number = 2, Frames = InitialPacket.Crypto(half, body.Span[half..]) }).ToDatagram());

            Assert.True(await IsAnswered(stranger, first), $"after {frames} the hello was not answered");
        }

        Assert.Equal((OddFrames.Length, 0), (pair.Metrics.HalfOpen, pair.Metrics.HandshakesFailed));
        await Pair.Write(client, [9]);
        Assert.Equal([9], await Pair.Read(server, 1));
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Repeated_and_cut_first_packets_make_one_connection()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var hello = await CapturedHello.TakeAsync(new Ngtcp2Provider());
        var body = hello.Frames.AsMemory(4); // past the header of the CRYPTO frame
        var half = body.Length / 2;
        var second = (hello with { Number = 1, Frames = InitialPacket.Crypto(half, body.Span[half..]) }).ToDatagram();
        var first = (hello with { Frames = InitialPacket.Crypto(0, body.Span[..half]) }).ToDatagram();

        foreach (var packet in new[] { first, first[..600], second, second, second[..1], first, second })
            await stranger.SendAsync(packet);

        // An answer to the hello as a whole: more than acknowledgements.
        await Pair.Until(() => pair.Metrics.BytesOut > 1000, () => $"answered with {pair.Metrics.BytesOut} bytes, {pair.Metrics.HandshakesFailed} failed, "
                + $"{pair.Metrics.Dropped(DropReason.BadInitial)} bad, {pair.Metrics.HalfOpen} half open");
        Assert.Equal((1, 0), (pair.Metrics.HalfOpen, pair.Metrics.HandshakesFailed));
    }

    [Fact]
    public async Task Whatever_is_thrown_at_a_listener_nothing_of_it_is_left()
    {
        const int Packets = 3000;
        await using var pair = await Pair.Listen(
            options => options with { HandshakeTimeout = TimeSpan.FromSeconds(1) }, loops: Loops);
        var hello = await CapturedHello.TakeAsync(new Ngtcp2Provider());
        var real = new PacketMemory();
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0, seen: real.Add);
        var (client, server) = await pair.Streams(options => options with { EndPoint = network.EndPoint });
        await Pair.Write(client, new byte[10_000]);
        await Pair.Read(server, 10_000);
        var maker = new PacketMaker(new Random(3), hello, real);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);

        for (var i = 0; i < Packets; i++)
        {
            await stranger.SendAsync(maker.Next());
            if (i % 100 != 0) continue;
            await Pair.Write(client, [7]);
            Assert.Equal([7], await Pair.Read(server, 1));
        }

        await Pair.Until(
            () => pair.Metrics is { HalfOpen: 0, Closing: 0 },
            () => $"half open: {pair.Metrics.HalfOpen}, closing: {pair.Metrics.Closing}");
        Assert.Equal(1, pair.Metrics.HandshakesCompleted);
        Assert.True(pair.Metrics.HandshakesFailed > 0);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    /// <summary>Whether what comes back is a server's part of the handshake: more than acknowledgements, and no close.
    /// </summary>
    private static async Task<bool> IsAnswered(Stranger stranger, InitialPacket first)
    {
        for (var bytes = 0; bytes < InitialPacket.Padded;)
        {
            var datagram = await stranger.ReceiveAsync(Pair.Patience);
            var answer = ServerAnswer.Parse(datagram, first.DestinationId);
            if (answer is not { Kind: AnswerKind.Initial or AnswerKind.OtherLong, CloseCode: null }) return false;
            if (answer.Kind == AnswerKind.OtherLong) return true; // keys were agreed on
            bytes += datagram.Length;
        }

        return true;
    }
}
