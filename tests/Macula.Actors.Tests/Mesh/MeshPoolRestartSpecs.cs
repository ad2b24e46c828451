using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;
using static Macula.Actors.Tests.MeshBed;

namespace Macula.Actors.Tests.Mesh;

/// <summary>A pool that fails loses what was under way in it, and no connection.</summary>
public sealed class MeshPoolRestartSpecs : TestKit
{
    private readonly MeshBed _bed;

    public MeshPoolRestartSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _bed = new MeshBed(this);

    [Fact]
    public async Task Connections_and_their_streams_survive_and_are_found_again()
    {
        var (a, owner, stream) = await _bed.Leased("a");
        var b = await _bed.Idle("b", Elsewhere);
        await _bed.Crash();

        var peers = (await _bed.List()).OrderBy(peer => peer.Peer.ToString()).ToList();
        Assert.Equal([1, 0], peers.Select(peer => peer.Leases));
        Assert.Equal([Somewhere, Elsewhere], peers.Select(peer => peer.Address));
        Assert.Equal((2, 1), (_bed.Connections, _bed.Streams));
        Assert.False(a.HasEnded || b.HasEnded || stream.IsAborted);

        Assert.Same(a, (await _bed.Stream("a")).Stream.Connection);
        Assert.Equal(2, _bed.Quic.Dials);
        await this.End(owner.Ref); // its death still frees what it has
        await this.Eventually(() => stream.IsAborted && _bed.Streams == 1);
    }

    [Fact]
    public async Task Bounds_and_leases_hold_on_afterwards()
    {
        var (a, _, stream) = await _bed.Leased("a");
        var b = await _bed.Idle("b");
        await _bed.Crash();
        await _bed.List();

        var owner = _bed.Open("c");
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        await this.Eventually(() => b.HasEnded); // a is in use
        Assert.Equal(MeshRefusal.PoolFull, await Refusal(_bed.Open("d")));
        await _bed.End(stream);
        _bed.Open("d");
        await _bed.Quic.Next();
        Assert.False(a.HasEnded);
        Assert.Equal(2, _bed.Census.Table("mesh.connections").HighWater);
    }

    [Fact]
    public async Task Who_waits_is_told_and_late_results_of_the_former_life_are_closed()
    {
        var dialling = _bed.Open("a");
        var dial = await _bed.Quic.Next();
        var b = await _bed.Idle("b");
        TaskCompletionSource<IQuicStream> opening = new();
        b.Opening = _ => new ValueTask<IQuicStream>(opening.Task);
        var opener = _bed.Open("b");
        await this.Eventually(() => _bed.Census.Size("mesh.waiters") == 2);
        await _bed.Crash();

        Assert.Equal(MeshRefusal.InternalError, await Refusal(dialling));
        Assert.Equal(MeshRefusal.InternalError, await Refusal(opener));
        var late = dial.Succeed();
        var lateStream = b.NewStream();
        opening.SetResult(lateStream);
        await this.Eventually(() => late.HasEnded && lateStream.IsAborted);
        await _bed.List();
        Assert.Equal((1, 0, 0), (_bed.Connections, _bed.Streams, _bed.Census.Size("mesh.waiters")));
    }

    [Fact]
    public async Task An_exchange_of_the_former_life_fails_with_a_type_and_its_stream_is_reset()
    {
        var a = await _bed.Idle("a");
        var asking = _bed.Tell(new Exchange(
            NodeId.Parse("a"), Somewhere, Wire.Frame(FrameType.Ping, 0x80), TimeSpan.FromSeconds(5), 7));
        await this.Eventually(() => a.Streams.Count == 2);
        await _bed.Crash();

        var failed = await asking.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);
        Assert.Equal((7UL, MeshRefusal.InternalError), (failed.Id, failed.Reason));
        await this.Eventually(() => a.Streams[1].IsAborted && _bed.Streams == 0);
        Assert.Equal(0, _bed.Census.Size("mesh.exchanges"));
    }

    [Fact]
    public async Task An_exchange_whose_stream_had_ended_has_its_answer_all_the_same()
    {
        var a = await _bed.Idle("a");
        var asking = _bed.Tell(new Exchange(
            NodeId.Parse("a"), Somewhere, Wire.Frame(FrameType.Ping, 0x80), TimeSpan.FromSeconds(5), 7));
        await this.Eventually(() => a.Streams.Count == 2);
        await _bed.End(a.Streams[1]);
        await _bed.Crash();
        await a.Streams[1].Answer(Wire.Frame(FrameType.Pong, 0x80));

        var answer = await asking.ExpectMsgAsync<Exchanged>(SpecExtensions.Deadline);
        Assert.Equal((7UL, FrameType.Pong), (answer.Id, answer.Type));
        await _bed.List();
        Assert.Equal((1, 0, 0), (_bed.Connections, _bed.Streams, _bed.Census.Size("mesh.exchanges")));
    }

    [Fact]
    public async Task Streams_that_end_and_connections_that_die_meanwhile_are_not_counted_for_ever()
    {
        var (a, _, _) = await _bed.Leased("a");
        var (_, _, stream) = await _bed.Leased("b");
        _bed.Pool.Tell(Kill.Instance);
        a.Die();
        stream.End();

        await this.Eventually(() => _bed.Connections == 1 && _bed.Streams == 0);
        Assert.Equal("b", await _bed.Peers());
        var owner = _bed.Open("a");
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
    }

    [Fact]
    public async Task What_is_asked_meanwhile_waits_until_all_connections_are_found()
    {
        var a = await _bed.Idle("a");
        _bed.Pool.Tell(Kill.Instance);
        var owner = _bed.Open("a"); // handled before the connection has answered

        Assert.Same(a, (await Opened(owner)).Connection);
        Assert.Equal(1, _bed.Quic.Dials);
    }

    [Fact]
    public async Task Who_has_a_stream_keeps_its_place_when_others_ask_meanwhile_and_is_watched()
    {
        var bed = new MeshBed(this, Options with { MaxRequesters = 1 });
        var (_, owner, stream) = await bed.Leased("a");
        bed.Pool.Tell(Kill.Instance);
        var other = bed.Open("a"); // handled before the connection has answered

        Assert.Equal(MeshRefusal.Overloaded, await Refusal(other));
        await this.End(owner.Ref);
        await this.Eventually(() => stream.IsAborted && bed.Streams == 0);
    }

    [Fact]
    public async Task The_stream_of_a_frame_that_wants_no_answer_takes_nobodys_place()
    {
        var a = await _bed.Idle("a");
        _bed.Tell(new Send(NodeId.Parse("a"), Somewhere, Wire.Frame(FrameType.Ping, 0x80)));
        await this.Eventually(() => a.Streams.Count == 2);
        a.Streams[1].Lingers = true;
        await _bed.Crash();

        await _bed.List();
        Assert.Equal((1, 0), (_bed.Streams, _bed.Census.Size("mesh.requesters")));
        await _bed.End(a.Streams[1]);
        await this.Eventually(() => _bed.Streams == 0);
    }

    [Fact]
    public async Task An_old_connection_of_a_peer_that_moved_is_still_the_old_one()
    {
        var (old, _, stream) = await _bed.Leased("a");
        var owner = _bed.Open("a", Elsewhere);
        var current = (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        await _bed.Crash();
        await this.Eventually(() => _bed.Connections == 2); // both have said who they are

        Assert.Equal(Elsewhere, Assert.Single(await _bed.List()).Address);
        Assert.Equal((2, 2), (_bed.Connections, _bed.Streams));
        await _bed.End(stream);
        await this.Eventually(() => old.HasEnded && _bed.Connections == 1);
        Assert.False(current.HasEnded);
    }

    [Fact]
    public async Task A_pool_that_failed_under_memory_pressure_still_keeps_nothing_idle()
    {
        var (a, _, stream) = await _bed.Leased("a");
        _bed.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.CloseIdlePeers));
        await _bed.Crash();
        await _bed.List();
        await _bed.End(stream);

        await this.Eventually(() => a.HasEnded && _bed.Connections == 0);
    }

    [Fact]
    public async Task After_many_crashes_it_still_shuts_down_in_order()
    {
        var (a, _, _) = await _bed.Leased("a");
        for (var i = 0; i < 3; i++) await _bed.Crash();
        await _bed.Idle("b");
        Watch(_bed.Pool);
        _bed.Tell(MeshProtocol.Shutdown.Instance);

        await ExpectTerminatedAsync(_bed.Pool, SpecExtensions.Deadline);
        Assert.Equal(DisconnectReason.ShuttingDown.Code(), a.ClosedWith);
        Assert.All(_bed.Census.Tables, table => Assert.Equal(0, table.Size));
    }
}
