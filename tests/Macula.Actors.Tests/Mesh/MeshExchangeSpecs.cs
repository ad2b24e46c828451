using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Actors.Transport.Tests;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Tests.Mesh;

/// <summary>Frames over the pool, between nodes in memory.</summary>
public sealed class MeshExchangeSpecs : TestKit
{
    private const int MaxFrame = 64 * 1024;

    private static readonly NodeId Peer = NodeId.Parse("peer");
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly MemoryQuicNetwork _network = new();
    private readonly MeshBed _bed;
    private ulong _lastId;

    public MeshExchangeSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _bed = new MeshBed(
        this, provider: new MemoryQuicProvider(_network), connect: MeshPeer.Connect, maxFrameSize: MaxFrame);

    [Fact]
    public async Task A_frame_goes_there_and_the_answer_comes_back()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var stream = await Accept(await peer.Accept());
        Assert.Equal(FrameType.Ping, (await stream.Next())!.Type);
        await stream.Send(Wire.Frame(FrameType.Pong, 0x81, 0x01, 0x02));

        var answer = await asking.ExpectMsgAsync<Exchanged>(SpecExtensions.Deadline);
        Assert.Equal((_lastId, Peer, FrameType.Pong), (answer.Id, answer.Peer, answer.Type));
        Assert.Equal([0x81, 0x01, 0x02], answer.Payload.ToArray());
        Assert.Null(await stream.Next()); // the node finishes its side
        await stream.Finish();
        await NothingLeft();
        Assert.Equal(1, Outcomes("ok"));
    }

    [Fact]
    public async Task Frames_larger_than_the_receive_window_pass_both_ways()
    {
        await using var peer = await MeshPeer.Listen(_network, window: 4 * 1024);
        var big = Frame(MaxFrame);
        var asking = Ask(peer, big);
        var stream = await Accept(await peer.Accept());
        Assert.Equal(big, (await stream.Next())!.Bytes.ToArray());
        await stream.Send(big);

        Assert.Equal(MaxFrame, (await asking.ExpectMsgAsync<Exchanged>(SpecExtensions.Deadline)).Payload.Length);
    }

    [Theory]
    [InlineData("too large")]
    [InlineData("no frame")]
    [InlineData("nothing")]
    [InlineData("half")]
    [InlineData("half of a large one")]
    [InlineData("reset")]
    [InlineData("lost")]
    public async Task A_peer_that_does_not_answer_properly_is_told_as_stream_failed(string what)
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var connection = await peer.Accept();
        var stream = await Accept(connection);
        await stream.Next();
        switch (what)
        {
            case "too large":
                await stream.Send(Frame(MaxFrame + ProtocolLimits.MaxRouteOverhead + 1).AsMemory(0, 100));
                break;
            case "no frame":
                await stream.Send("GET / HTTP"u8.ToArray());
                break;
            case "nothing":
                await stream.Finish();
                break;
            case "half":
                await stream.Send(new byte[] { 1, 4, 0 });
                await stream.Finish();
                break;
            case "half of a large one":
                await stream.Send(Frame(8000).AsMemory(0, 6000));
                await stream.Finish();
                break;
            case "reset":
                stream.Abort();
                break;
            default:
                connection.Abort(0);
                break;
        }

        var failed = await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);
        Assert.Equal((_lastId, MeshRefusal.StreamFailed), (failed.Id, failed.Reason));
        await NothingLeft();
    }

    [Fact]
    public async Task A_frame_of_an_unknown_type_is_skipped_and_the_next_one_is_the_answer()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var stream = await Accept(await peer.Accept());
        await stream.Send(Wire.Frame((FrameType)0x7f, 0x80));
        await stream.Send(Wire.Frame(FrameType.Pong, 0x80));

        Assert.Equal(FrameType.Pong, (await asking.ExpectMsgAsync<Exchanged>(SpecExtensions.Deadline)).Type);
    }

    [Fact]
    public async Task A_cancelled_exchange_resets_its_stream_and_is_not_answered()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var connection = await peer.Accept();
        var stream = await AcceptStream(connection);
        await new TestStream(stream).Next();
        _bed.Tell(new Cancel(_lastId), CreateTestProbe()); // somebody else's id
        _bed.Tell(new Cancel(_lastId + 1), asking); // none
        _bed.Tell(new Cancel(_lastId), asking);

        await stream.Closed.Soon(); // the peer notices
        await Assert.ThrowsAsync<QuicTransportException>(async () => await stream.Input.ReadAsync());
        await NothingLeft();
        await _bed.Tell(new Find(Peer), asking).ExpectMsgAsync<Found>(SpecExtensions.Deadline); // nothing before it
        Assert.Equal(1, Outcomes("cancelled"));
        Assert.False(connection.Closed.IsCompleted);
    }

    [Fact]
    public async Task An_exchange_has_one_deadline_for_all_of_it()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var stream = await AcceptStream(await peer.Accept());
        await new TestStream(stream).Next();
        await _bed.Advance(Timeout + TimeSpan.FromMilliseconds(20));

        Assert.Equal(MeshRefusal.Timeout, (await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline)).Reason);
        await stream.Closed.Soon();
        await NothingLeft();
        Assert.Equal(1, _bed.Census.Table("mesh.exchanges").Expiries);
    }

    [Fact]
    public async Task Nobody_there_is_told_as_connect_failed()
    {
        var asking = _bed.Tell(new Exchange(Peer, new PeerAddress("localhost", 1), Ping, Timeout, 5));

        var failed = await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);
        Assert.Equal((5UL, MeshRefusal.ConnectFailed), (failed.Id, failed.Reason));
        await NothingLeft();
    }

    [Fact]
    public async Task A_frame_that_no_peer_would_take_is_refused_and_nobody_is_dialled()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var failed = await Ask(peer, Frame(MaxFrame + ProtocolLimits.MaxRouteOverhead + 1))
            .ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);

        Assert.Equal(MeshRefusal.FrameTooLarge, failed.Reason);
        Assert.Equal(0, _bed.Connections);
        await NothingLeft();
    }

    [Fact]
    public async Task When_its_requester_dies_an_exchange_is_reset()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var stream = await AcceptStream(await peer.Accept());
        await this.End(asking.Ref);

        await stream.Closed.Soon();
        await NothingLeft();
    }

    [Fact]
    public async Task Exchanges_are_bounded_per_peer_and_in_all()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = CreateTestProbe();
        for (var i = 0; i < MeshBed.Options.MaxExchangesPerPeer; i++) Ask(peer, from: asking);
        Ask(peer, from: asking);
        Assert.Equal(MeshRefusal.Overloaded, (await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline)).Reason);
        for (var i = 0; i < 2; i++) Ask(peer, from: asking, to: "other");
        Ask(peer, from: asking, to: "other");
        Assert.Equal(MeshRefusal.Overloaded, (await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline)).Reason);

        var table = _bed.Census.Table("mesh.exchanges");
        Assert.Equal((6, 6), (table.Size, table.HighWater));
        Assert.Equal([("full", 1), ("per_peer", 1)], table.Rejections.Select(each => (each.Key, each.Value)));
        Assert.Equal(1, _bed.Census.Table("mesh.requesters").HighWater);
        foreach (var id in Enumerable.Range(1, (int)_lastId)) _bed.Tell(new Cancel((ulong)id), asking);
        await NothingLeft();
    }

    [Fact]
    [Trait("Defect", "D34")]
    public async Task Streams_are_ended_so_that_a_peers_stream_limit_is_never_used_up()
    {
        await using var peer = await MeshPeer.Listen(_network, streams: 2);
        var asking = CreateTestProbe();
        Ask(peer, from: asking);
        var connection = await peer.Accept();
        for (var i = 0; i < 20; i++)
        {
            var stream = await Accept(connection);
            await stream.Next();
            await stream.Send(Wire.Frame(FrameType.Pong, 0x80));
            await stream.Finish();
            await asking.ExpectMsgAsync<Exchanged>(SpecExtensions.Deadline);
            if (i < 19) Ask(peer, from: asking);
        }

        await NothingLeft();
    }

    [Fact]
    public async Task A_frame_that_wants_no_answer_is_sent_and_its_stream_is_finished()
    {
        await using var peer = await MeshPeer.Listen(_network);
        _bed.Tell(new Send(Peer, peer.Address, Ping));
        var stream = await Accept(await peer.Accept());

        Assert.Equal(FrameType.Ping, (await stream.Next())!.Type);
        Assert.Null(await stream.Next());
        Assert.Equal(1, _bed.Census.Size("mesh.exchanges"));
        await stream.Finish();
        await NothingLeft();
        Assert.Equal(1, Outcomes("sent"));
    }

    [Fact]
    public async Task A_peer_that_never_finishes_its_side_is_given_up_on()
    {
        await using var peer = await MeshPeer.Listen(_network);
        _bed.Tell(new Send(Peer, peer.Address, Ping));
        var stream = await AcceptStream(await peer.Accept());
        await new TestStream(stream).Next();
        await _bed.Advance(MeshBed.Options.RequestTimeout + TimeSpan.FromMilliseconds(20));

        await stream.Closed.Soon();
        await NothingLeft();
        Assert.Equal(1, Outcomes("timeout"));
    }

    [Fact]
    [Trait("Defect", "D47")]
    public async Task A_peer_whose_certificate_nobody_trusts_is_no_peer()
    {
        await using var peer = await MeshPeer.Listen(_network, certificates: TestCertificates.Stranger);
        var asking = Ask(peer);

        var failed = await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);
        Assert.Equal(MeshRefusal.ConnectFailed, failed.Reason);
        Assert.Equal(1, _bed.Dialled("authentication_failed"));
    }

    [Fact]
    [Trait("Defect", "D47")]
    public async Task The_node_shows_its_certificate_to_a_peer_that_needs_one()
    {
        await using var peer = await MeshPeer.Listen(_network, clients: ClientCertificateMode.Require);
        Ask(peer);
        var connection = await peer.Accept();

        Assert.Equal(
            QuicTrust.Fingerprint(TestCertificates.Shared.Client), QuicTrust.Fingerprint(connection.RemoteCertificate!));
    }

    [Fact]
    [Trait("Defect", "D44")]
    public async Task A_shutdown_reaches_the_peers_and_leaves_nothing_open()
    {
        await using var peer = await MeshPeer.Listen(_network);
        var asking = Ask(peer);
        var connection = await peer.Accept();
        await Accept(connection);
        Watch(_bed.Pool);
        _bed.Tell(MeshProtocol.Shutdown.Instance);

        Assert.Equal(
            MeshRefusal.ShuttingDown, (await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline)).Reason);
        Assert.Equal(DisconnectReason.ShuttingDown.Code(), (await connection.Closed.Soon()).ErrorCode);
        await ExpectTerminatedAsync(_bed.Pool, SpecExtensions.Deadline);
        await NothingLeft();
    }

    [Fact]
    public async Task An_exchange_whose_answer_comes_after_the_shutdown_is_told_that_there_is_none()
    {
        var bed = new MeshBed(this);
        var connection = await bed.Idle("a");
        var asking = bed.Tell(new Exchange(NodeId.Parse("a"), MeshBed.Somewhere, Ping, Timeout, 7));
        await this.Eventually(() => connection.Streams.Count == 2);
        await bed.End(connection.Streams[1]); // and what it brought is not read yet
        Watch(bed.Pool);
        bed.Tell(MeshProtocol.Shutdown.Instance);

        var failed = await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);
        Assert.Equal((7UL, MeshRefusal.ShuttingDown), (failed.Id, failed.Reason));
        await ExpectTerminatedAsync(bed.Pool, SpecExtensions.Deadline);
        Assert.All(bed.Census.Tables, table => Assert.Equal(0, table.Size));
    }

    private static byte[] Ping => Wire.Frame(FrameType.Ping, 0x80);

    private static byte[] Frame(int payload)
    {
        var bytes = new byte[payload];
        Random.Shared.NextBytes(bytes);
        return Wire.Frame(FrameType.Publish, bytes);
    }

    private TestProbe Ask(MeshPeer peer, byte[]? frame = null, TestProbe? from = null, string to = "peer") => _bed.Tell(
        new Exchange(NodeId.Parse(to), peer.Address, frame ?? Ping, Timeout, ++_lastId), from);

    private long Outcomes(string outcome) => _bed.Meters.Total("macula.mesh.exchanges", outcome);

    private Task NothingLeft() => this.Eventually(
        () => _bed.Streams == 0 && _bed.Census.Size("mesh.exchanges") == 0 && _bed.Census.Size("mesh.waiters") == 0);

    private static async Task<IQuicStream> AcceptStream(IQuicConnection connection) =>
        await connection.AcceptStreamAsync().AsTask().Soon();

    private static async Task<TestStream> Accept(IQuicConnection connection) => new(await AcceptStream(connection));
}
