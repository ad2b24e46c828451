using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Configuration;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;
using static Macula.Actors.Tests.MeshBed;

namespace Macula.Actors.Tests.Mesh;

public sealed class MeshPoolActorSpecs : TestKit
{
    private readonly MeshBed _bed;

    public MeshPoolActorSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _bed = new MeshBed(this);

    [Fact]
    [Trait("Defect", "D2")]
    public async Task A_peer_is_dialled_once_and_its_connection_gives_all_its_streams()
    {
        var (connection, owner, first) = await _bed.Leased("a");
        var (_, second) = await _bed.Stream("a", from: owner);
        var (_, third) = await _bed.Stream("a");

        Assert.Equal(1, _bed.Quic.Dials);
        Assert.Equal([first, second, third], connection.Streams);
        Assert.Equal((1, 3), (_bed.Connections, _bed.Streams));
    }

    [Fact]
    public async Task All_who_want_the_same_peer_share_one_dial_and_each_gets_a_stream_of_its_own()
    {
        var owners = Enumerable.Range(0, 3).Select(_ => _bed.Open("a")).ToList();
        var connection = (await _bed.Quic.Next()).Succeed();
        foreach (var owner in owners) await Opened(owner);

        Assert.Equal((1, 3), (_bed.Quic.Dials, connection.Streams.Count));
        Assert.Equal((0, 0), (_bed.Census.Size("mesh.waiters"), _bed.Census.Size("mesh.dials")));
        Assert.Equal(1, _bed.Dialled("ok"));
    }

    [Fact]
    [Trait("Defect", "D33")]
    [Trait("Defect", "D45")]
    public async Task A_peer_that_does_not_answer_delays_nobody_elses_stream()
    {
        await _bed.Idle("a");
        _bed.Open("dead");
        await _bed.Quic.Next(); // and never ends

        await _bed.Stream("a");
        Assert.Equal("a", await _bed.Peers());
    }

    [Fact]
    [Trait("Defect", "D31")]
    public async Task A_failed_dial_is_told_to_all_who_wait_for_it_and_evicts_nobody()
    {
        await _bed.Idle("a");
        await _bed.Idle("b");
        var (one, two) = (_bed.Open("c"), _bed.Open("c"));
        (await _bed.Quic.Next()).Fail();

        Assert.Equal((MeshRefusal.ConnectFailed, MeshRefusal.ConnectFailed), (await Refusal(one), await Refusal(two)));
        Assert.Equal("a b", await _bed.Peers());
        Assert.Equal((1, 0), (_bed.Dialled("refused"), _bed.Census.Table("mesh.connections").Evictions));

        _bed.Open("c");
        await _bed.Quic.Next(); // the next one tries again
    }

    [Fact]
    [Trait("Defect", "D30")]
    [Trait("Defect", "D32")]
    public async Task The_least_recently_used_one_is_closed_once_the_new_one_stands()
    {
        var a = await _bed.Idle("a");
        var b = await _bed.Idle("b");
        await _bed.End((await _bed.Stream("a")).Stream); // within the same second
        var owner = _bed.Open("c");
        var dial = await _bed.Quic.Next();
        await _bed.Handled();
        Assert.False(b.HasEnded);

        dial.Succeed();
        await Opened(owner);
        await this.Eventually(() => b.HasEnded);
        Assert.True(b.IsAborted);
        Assert.False(a.HasEnded);
        Assert.Equal("a c", await _bed.Peers());
        var table = _bed.Census.Table("mesh.connections");
        Assert.Equal((2, 2, 1), (table.Size, table.HighWater, table.Evictions));
        Assert.Equal(1, _bed.Closed("evicted"));
    }

    [Fact]
    public async Task A_connection_in_use_is_not_evicted_until_its_stream_has_ended()
    {
        var (a, _, stream) = await _bed.Leased("a");
        var b = await _bed.Idle("b"); // newer, but idle
        var owner = _bed.Open("c");
        (await _bed.Quic.Next()).Succeed();
        var held = await Opened(owner);
        await this.Eventually(() => b.HasEnded);
        Assert.False(a.HasEnded);

        Assert.Equal(MeshRefusal.PoolFull, await Refusal(_bed.Open("d"))); // both are in use
        await _bed.End(stream);
        var later = _bed.Open("d");
        (await _bed.Quic.Next()).Succeed();
        await Opened(later);
        await this.Eventually(() => a.HasEnded);
        Assert.False(held.Closed.IsCompleted);
    }

    [Fact]
    public async Task With_all_in_use_a_new_peer_is_refused_without_a_dial()
    {
        await _bed.Leased("a");
        await _bed.Leased("b");
        Assert.Equal(MeshRefusal.PoolFull, await Refusal(_bed.Open("c")));

        Assert.Equal(2, _bed.Quic.Dials);
        Assert.Equal(1, _bed.Census.Table("mesh.connections").Rejected);
        await _bed.Stream("a"); // those that are there still serve
    }

    [Fact]
    public async Task Each_dial_into_a_full_pool_needs_an_idle_connection_of_its_own()
    {
        await _bed.Idle("a");
        await _bed.Idle("b");
        var (c, d) = (_bed.Open("c"), _bed.Open("d"));
        var (one, two) = (await _bed.Quic.Next(), await _bed.Quic.Next());
        Assert.Equal(MeshRefusal.PoolFull, await Refusal(_bed.Open("e")));

        one.Succeed();
        two.Succeed();
        await Opened(c);
        await Opened(d);
        Assert.Equal("c d", await _bed.Peers());
        Assert.Equal(2, _bed.Census.Table("mesh.connections").HighWater);
    }

    [Fact]
    public async Task When_nobody_is_idle_any_more_the_new_connection_is_closed_and_its_waiters_are_refused()
    {
        await _bed.Leased("a");
        await _bed.Idle("b");
        var owner = _bed.Open("c");
        var dial = await _bed.Quic.Next();
        await _bed.Stream("b"); // the one that would have given way
        var late = dial.Succeed();

        Assert.Equal(MeshRefusal.PoolFull, await Refusal(owner));
        await this.Eventually(() => late.HasEnded);
        Assert.Equal("a b", await _bed.Peers());
        Assert.Equal(2, _bed.Census.Table("mesh.connections").HighWater);
    }

    [Fact]
    public async Task When_its_requester_dies_a_stream_is_reset_and_the_connection_is_free()
    {
        var (connection, owner, stream) = await _bed.Leased("a");
        await this.End(owner.Ref);

        await this.Eventually(() => stream.IsAborted && _bed.Streams == 0);
        Assert.Equal(0, (await _bed.Find("a"))!.Leases);
        Assert.False(connection.HasEnded);
    }

    [Fact]
    public async Task A_requester_that_dies_before_the_answer_leaves_no_stream()
    {
        var owner = _bed.Open("a");
        var dial = await _bed.Quic.Next();
        await this.End(owner.Ref);
        await this.Eventually(() => _bed.Census.Size("mesh.waiters") == 0);
        var connection = dial.Succeed();
        await this.Eventually(() => _bed.Connections == 1);
        Assert.Equal(0, connection.Asked);

        TaskCompletionSource<IQuicStream> opening = new();
        connection.Opening = _ => new ValueTask<IQuicStream>(opening.Task);
        var other = _bed.Open("a");
        await this.Eventually(() => _bed.Census.Size("mesh.waiters") == 1);
        await this.End(other.Ref);
        await this.Eventually(() => _bed.Census.Size("mesh.waiters") == 0);
        var late = connection.NewStream();
        opening.SetResult(late);
        await this.Eventually(() => late.IsAborted);
        Assert.Equal(0, _bed.Streams);
    }

    [Theory]
    [InlineData(2, 8)]
    [InlineData(8, 2)]
    public async Task A_stream_that_is_waited_for_has_its_place_among_those_that_may_be_open(int inAll, int perPeer)
    {
        var bed = new MeshBed(this, Options with { MaxStreams = inAll, MaxStreamsPerPeer = perPeer });
        var (connection, _, _) = await bed.Leased("a");
        TaskCompletionSource<IQuicStream> opening = new();
        connection.Opening = _ => new ValueTask<IQuicStream>(opening.Task);
        var waiting = bed.Open("a");

        Assert.Equal(MeshRefusal.Overloaded, await Refusal(bed.Open("a")));
        opening.SetResult(connection.NewStream());
        await Opened(waiting);
        Assert.Equal(2, bed.Streams);
    }

    [Fact]
    public async Task A_requester_is_watched_once_and_gives_its_place_to_the_next_when_it_is_idle()
    {
        var bed = new MeshBed(this, Options with { MaxRequesters = 2 });
        await bed.Idle("a");
        for (var i = 0; i < 5; i++) await bed.End((await bed.Stream("a")).Stream);
        Assert.Equal(2, bed.Census.Table("mesh.requesters").HighWater);

        await bed.Stream("a");
        var (second, _) = await bed.Stream("a");
        await bed.Stream("a", from: second);
        Assert.Equal(MeshRefusal.Overloaded, await Refusal(bed.Open("a")));
        Assert.Equal(1, bed.Census.Table("mesh.requesters").Rejected);

        await this.End(second.Ref);
        await this.Eventually(() => bed.Census.Size("mesh.requesters") == 1);
        await bed.Stream("a");
    }

    [Fact]
    public async Task An_Ask_keeps_its_stream_and_leaves_nothing_behind()
    {
        var connection = await _bed.Idle("a");
        for (var i = 0; i < 30; i++)
        {
            var answer = await _bed.Pool.Ask<StreamOpened>(new OpenStream(NodeId.Parse("a"), Somewhere), SpecExtensions.Deadline);
            await _bed.Handled();
            Assert.False(((FakeMeshStream)answer.Stream).IsAborted);
            Assert.Equal(1, _bed.Streams);
            await _bed.End((FakeMeshStream)answer.Stream);
        }

        Assert.Equal(31, connection.Asked);
        Assert.Equal(0, _bed.Streams);
        await this.Eventually(() => _bed.Census.Size("mesh.requesters") <= 1); // the first spec's own probe
    }

    [Fact]
    [Trait("Defect", "D34")]
    public async Task A_new_address_is_dialled_while_the_old_one_serves_and_takes_its_place()
    {
        var old = await _bed.Idle("a");
        var owner = _bed.Open("a", Elsewhere);
        var dial = await _bed.Quic.Next();
        Assert.Equal(Elsewhere.EndPoint, dial.Options.EndPoint);
        var (_, meanwhile) = await _bed.Stream("a");
        Assert.Same(old, meanwhile.Connection);
        await _bed.End(meanwhile);

        var successor = dial.Succeed();
        Assert.Same(successor, (await Opened(owner)).Connection);
        await this.Eventually(() => old.HasEnded);
        Assert.Equal(Elsewhere, Assert.Single(await _bed.List()).Address);
        Assert.Equal((1, 1), (_bed.Connections, _bed.Closed("replaced")));
    }

    [Fact]
    public async Task An_address_where_nobody_is_leaves_the_old_connection_in_place()
    {
        var old = await _bed.Idle("a");
        var owner = _bed.Open("a", Elsewhere);
        (await _bed.Quic.Next()).Fail();

        Assert.Equal(MeshRefusal.ConnectFailed, await Refusal(owner));
        Assert.Same(old, (await _bed.Stream("a")).Stream.Connection);
    }

    [Fact]
    public async Task The_old_connection_of_a_peer_that_moved_ends_with_its_streams()
    {
        var (old, _, stream) = await _bed.Leased("a");
        var owner = _bed.Open("a", Elsewhere);
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        await _bed.Handled();
        Assert.False(old.HasEnded);
        Assert.Equal(2, _bed.Connections); // it still counts

        await _bed.End(stream);
        await this.Eventually(() => old.HasEnded);
        Assert.Equal(1, _bed.Connections);
    }

    [Fact]
    public async Task The_old_connection_of_a_peer_that_moved_is_closed_after_the_grace()
    {
        var (old, _, stream) = await _bed.Leased("a");
        var owner = _bed.Open("a", Elsewhere);
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        await _bed.Advance(Options.RetireGrace - TimeSpan.FromSeconds(1));
        Assert.False(old.HasEnded);

        await _bed.Advance(TimeSpan.FromSeconds(2));
        await this.Eventually(() => old.HasEnded && stream.Closed.IsCompleted);
        Assert.Equal((1, 1), (_bed.Connections, _bed.Streams));
    }

    [Fact]
    public async Task A_peer_that_moves_again_has_at_most_one_old_connection()
    {
        var bed = new MeshBed(this, Options with { MaxConnections = 3 });
        var (first, _, _) = await bed.Leased("a");
        List<FakeConnection> others = [];
        foreach (var address in (PeerAddress[])[Elsewhere, new PeerAddress("10.0.0.3", 1)])
        {
            var owner = bed.Open("a", address);
            others.Add((await bed.Quic.Next()).Succeed());
            await Opened(owner);
        }

        await this.Eventually(() => first.HasEnded);
        Assert.False(others[0].HasEnded);
        Assert.Equal(2, bed.Connections);
    }

    [Fact]
    public async Task Who_wants_the_peer_at_another_address_than_the_one_that_is_dialled_goes_on_afterwards()
    {
        var (here, there) = (_bed.Open("a"), _bed.Open("a", Elsewhere));
        var dial = await _bed.Quic.Next();
        await _bed.Handled();
        Assert.Equal(1, _bed.Quic.Dials); // one at a time for each peer
        dial.Fail();
        Assert.Equal(MeshRefusal.ConnectFailed, await Refusal(here));

        var next = await _bed.Quic.Next();
        Assert.Equal(Elsewhere.EndPoint, next.Options.EndPoint);
        next.Succeed();
        await Opened(there);
    }

    [Fact]
    public async Task Hearsay_of_another_address_does_not_move_a_peer()
    {
        var known = await _bed.Idle("a");
        Hearsay(_bed, "a", Elsewhere);
        await this.Eventually(() => known.Streams.Count == 2);

        Assert.Equal(1, _bed.Quic.Dials);
        Assert.False(known.HasEnded);
    }

    [Fact]
    public async Task A_dial_on_hearsay_gives_way_to_one_to_where_the_peer_is_known_to_be()
    {
        var stranger = Hearsay(_bed, "a", Elsewhere);
        await _bed.Quic.Next(); // and never ends
        var owner = _bed.Open("a");

        Assert.Equal(MeshRefusal.ConnectFailed, (await stranger.ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline)).Reason);
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        Assert.Equal((0, 1), (_bed.Census.Size("mesh.dials"), _bed.Connections));
    }

    [Fact]
    public async Task Hearsay_takes_a_quarter_of_the_dials_at_most()
    {
        var bed = new MeshBed(this, Options with { MaxDials = 8, MaxConnections = 10 });
        foreach (var name in (string[])["x", "y"]) Hearsay(bed, name, Elsewhere);
        var first = await bed.Quic.Next();
        await bed.Quic.Next();

        var refused = await Hearsay(bed, "z", Elsewhere).ExpectMsgAsync<ExchangeFailed>(SpecExtensions.Deadline);
        Assert.Equal(MeshRefusal.PoolFull, refused.Reason);
        Assert.Equal([new("hearsay", 1)], bed.Census.Table("mesh.dials").Rejections);

        var owner = bed.Open("a");
        (await bed.Quic.Next()).Succeed();
        await Opened(owner);
        first.Fail();
        await bed.Handled();
        Hearsay(bed, "z", Elsewhere);
        await bed.Quic.Next();
    }

    [Fact]
    public async Task A_pooled_connection_that_gives_no_stream_is_replaced_once()
    {
        var stale = await _bed.Idle("a");
        stale.Opening = NoStream;
        var owner = _bed.Open("a");
        var fresh = (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        await this.Eventually(() => stale.HasEnded);

        fresh.Opening = NoStream;
        var other = _bed.Open("a");
        var dial = await _bed.Quic.Next();
        var useless = dial.Succeed();
        useless.Opening = NoStream;
        Assert.Equal(MeshRefusal.StreamFailed, await Refusal(other));
        await this.Eventually(() => useless.HasEnded);
        Assert.Equal((3, 0, 0), (_bed.Quic.Dials, _bed.Connections, _bed.Census.Size("mesh.waiters")));
    }

    [Fact]
    public async Task A_connection_that_is_found_dead_is_dialled_anew()
    {
        var dead = await _bed.Idle("a");
        dead.Die();
        var owner = _bed.Open("a"); // whether or not its end was told of before
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        Assert.Equal(1, _bed.Connections);
    }

    [Fact]
    public async Task A_connection_that_dies_leaves_the_pool_without_traffic()
    {
        var (connection, _, _) = await _bed.Leased("a");
        connection.Die();

        await this.Eventually(() => _bed.Connections == 0 && _bed.Streams == 0);
        Assert.Equal(1, _bed.Closed("lost"));
        await this.Eventually(() => !_bed.Parent.UnderlyingActor.HasGrandchildren());
    }

    [Fact]
    public async Task An_idle_connection_is_closed_after_a_while_and_use_counts()
    {
        var a = await _bed.Idle("a");
        var b = await _bed.Idle("b");
        await _bed.Advance(Options.IdleTimeout - TimeSpan.FromSeconds(1));
        await _bed.End((await _bed.Stream("a")).Stream);
        Assert.Equal(TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(1), (await _bed.Find("b"))!.Idle);
        await _bed.Advance(TimeSpan.FromSeconds(2));

        await this.Eventually(() => b.HasEnded);
        Assert.False(a.HasEnded);
        Assert.Equal((1, 1), (_bed.Census.Table("mesh.connections").Expiries, _bed.Closed("idle")));
    }

    [Fact]
    [Trait("Defect", "D32")]
    public async Task A_removed_peer_is_closed_in_order_and_its_waiters_are_told()
    {
        var (connection, _, _) = await _bed.Leased("a");
        await _bed.Tell(new Remove(NodeId.Parse("a"))).ExpectMsgAsync<Removed>();
        await this.Eventually(() => connection.HasEnded && _bed.Connections == 0);
        Assert.Equal(DisconnectReason.Normal.Code(), connection.ClosedWith);
        Assert.Equal((0, ""), (_bed.Streams, await _bed.Peers()));

        var waiting = _bed.Open("b");
        var dial = await _bed.Quic.Next();
        await _bed.Tell(new Remove(NodeId.Parse("b"))).ExpectMsgAsync<Removed>();
        Assert.Equal(MeshRefusal.Removed, await Refusal(waiting));
        await this.Eventually(() => dial.IsCancelled);

        await _bed.Tell(new Remove(NodeId.Parse("nobody"))).ExpectMsgAsync<Removed>();
    }

    [Fact]
    [Trait("Defect", "D44")]
    public async Task A_peer_that_never_acknowledges_the_close_is_closed_all_the_same()
    {
        var (connection, _, _) = await _bed.Leased("a");
        connection.CloseHangs = true;
        await _bed.Tell(new Remove(NodeId.Parse("a"))).ExpectMsgAsync<Removed>();
        await this.Eventually(() => connection.ClosedWith is not null);
        Assert.Equal(1, _bed.Connections); // it still costs something

        await _bed.Advance(TimeSpan.FromSeconds(4));
        await this.Eventually(() => connection.IsAborted && _bed.Connections == 0);
    }

    [Fact]
    public async Task The_late_result_of_a_dial_that_nobody_wants_any_more_is_closed_and_touches_no_successor()
    {
        _bed.Open("a");
        var first = await _bed.Quic.Next();
        await _bed.Tell(new Remove(NodeId.Parse("a"))).ExpectMsgAsync<Removed>();
        var owner = _bed.Open("a");
        var second = await _bed.Quic.Next();

        var late = first.Succeed();
        await this.Eventually(() => late.HasEnded);
        Assert.Equal(0, _bed.Connections);
        var current = second.Succeed();
        Assert.Same(current, (await Opened(owner)).Connection);
    }

    [Fact]
    public async Task The_late_end_of_a_connection_touches_no_successor()
    {
        var (old, _, _) = await _bed.Leased("a");
        old.CloseHangs = true;
        await _bed.Tell(new Remove(NodeId.Parse("a"))).ExpectMsgAsync<Removed>();
        var owner = _bed.Open("a");
        (await _bed.Quic.Next()).Succeed();
        await Opened(owner);
        old.Die();

        await this.Eventually(() => _bed.Connections == 1);
        Assert.Equal(1, (await _bed.Find("a"))!.Leases);
    }

    [Fact]
    public async Task Peers_are_found_and_listed_with_their_leases()
    {
        Assert.Null(await _bed.Find("a"));
        await _bed.Leased("a");
        await _bed.Idle("b", Elsewhere);

        Assert.Equal(new PeerInfo(NodeId.Parse("a"), Somewhere, 1, TimeSpan.Zero), await _bed.Find("a"));
        Assert.Equal(new PeerInfo(NodeId.Parse("b"), Elsewhere, 0, TimeSpan.Zero), await _bed.Find("b"));
        Assert.Equal(2, (await _bed.List()).Count);
    }

    [Fact]
    [Trait("Defect", "D32")]
    public async Task A_shutdown_closes_all_in_order_refuses_what_comes_and_stops_after_the_last()
    {
        var bed = new MeshBed(this, Options with { MaxConnections = 3 });
        var (a, _, _) = await bed.Leased("a");
        a.CloseHangs = true;
        var b = await bed.Idle("b");
        var waiting = bed.Open("c");
        await bed.Quic.Next();
        Watch(bed.Pool);
        bed.Tell(MeshProtocol.Shutdown.Instance);

        Assert.Equal(MeshRefusal.ShuttingDown, await Refusal(waiting));
        Assert.Equal(MeshRefusal.ShuttingDown, await Refusal(bed.Open("a")));
        await this.Eventually(() => a.ClosedWith is not null && b.HasEnded);
        Assert.Equal((DisconnectReason.ShuttingDown.Code(), DisconnectReason.ShuttingDown.Code()), (a.ClosedWith, b.ClosedWith));
        await bed.Handled(); // still there: one is not closed yet
        a.Die();
        await ExpectTerminatedAsync(bed.Pool, SpecExtensions.Deadline);
        Assert.All(bed.Census.Tables, table => Assert.Equal(0, table.Size));
    }

    [Fact]
    [Trait("Defect", "D32")]
    public async Task A_pool_that_is_stopped_closes_its_connections_and_tells_who_waits()
    {
        var (connection, _, _) = await _bed.Leased("a");
        var waiting = _bed.Open("b");
        var dial = await _bed.Quic.Next();
        await this.End(_bed.Pool);

        Assert.Equal(MeshRefusal.ShuttingDown, await Refusal(waiting));
        await this.Eventually(() => connection.HasEnded);
        var late = dial.Succeed();
        await this.Eventually(() => late.HasEnded);
        Assert.All(_bed.Census.Tables, table => Assert.Equal(0, table.Size));
    }

    [Fact]
    public async Task Those_who_wait_are_bounded_per_peer_and_in_all()
    {
        var bed = new MeshBed(this, Options with { MaxConnections = 10, MaxRequesters = 20 });
        for (var i = 0; i < 5; i++) bed.Open("a");
        Assert.Equal(MeshRefusal.TooManyWaiters, await Refusal(bed.Open("a")));
        for (var i = 0; i < 5; i++) bed.Open($"b{i}");
        Assert.Equal(MeshRefusal.TooManyWaiters, await Refusal(bed.Open("c")));

        var table = bed.Census.Table("mesh.waiters");
        Assert.Equal((10, 10), (table.Size, table.HighWater));
        Assert.Equal([("full", 1), ("per_peer", 1)], table.Rejections.Select(each => (each.Key, each.Value)));
    }

    [Fact]
    public async Task Dials_are_bounded_too()
    {
        var bed = new MeshBed(this, Options with { MaxDials = 1 });
        bed.Open("a");
        Assert.Equal(MeshRefusal.PoolFull, await Refusal(bed.Open("b")));
        Assert.Equal((1, 1), (bed.Census.Table("mesh.dials").HighWater, bed.Census.Table("mesh.dials").Rejected));
    }

    [Fact]
    public async Task A_dial_ends_after_the_connect_timeout()
    {
        var owner = _bed.Open("a");
        var dial = await _bed.Quic.Next();
        Assert.Equal(Options.ConnectTimeout, dial.Options.HandshakeTimeout);
        await _bed.Advance(Options.ConnectTimeout + TimeSpan.FromMilliseconds(20));

        Assert.Equal(MeshRefusal.ConnectFailed, await Refusal(owner));
        await this.Eventually(() => dial.IsCancelled);
        Assert.Equal(1, _bed.Dialled("timeout"));
    }

    [Fact]
    public async Task A_peer_that_grants_no_more_streams_lets_wait_until_the_deadline()
    {
        var connection = await _bed.Idle("a");
        TaskCompletionSource<IQuicStream> opening = new();
        var isCancelled = false;
        connection.Opening = token =>
        {
            token.Register(() => isCancelled = true);
            return new ValueTask<IQuicStream>(opening.Task);
        };
        var owner = _bed.Open("a");
        await this.Eventually(() => _bed.Census.Size("mesh.waiters") == 1);
        await _bed.Advance(Options.RequestTimeout + TimeSpan.FromMilliseconds(20));

        Assert.Equal(MeshRefusal.Timeout, await Refusal(owner));
        Assert.True(isCancelled);
        Assert.False(connection.HasEnded); // slow is not dead
        var late = connection.NewStream();
        opening.SetResult(late);
        await this.Eventually(() => late.IsAborted);
        Assert.Equal((0, 1), (_bed.Streams, _bed.Census.Table("mesh.waiters").Expiries));
    }

    [Fact]
    public async Task Those_who_wait_for_a_stream_of_a_connection_are_bounded()
    {
        var connection = await _bed.Idle("a");
        connection.Opening = _ => new ValueTask<IQuicStream>(new TaskCompletionSource<IQuicStream>().Task);
        for (var i = 0; i < 5; i++) _bed.Open("a");
        Assert.Equal(MeshRefusal.TooManyWaiters, await Refusal(_bed.Open("a")));
        Assert.Equal(5, _bed.Census.Size("mesh.waiters"));
    }

    [Fact]
    public async Task Streams_are_bounded_per_peer_and_in_all()
    {
        var bed = new MeshBed(this, Options with { MaxStreams = 3, MaxStreamsPerPeer = 2 });
        await bed.Leased("a");
        await bed.Stream("a");
        Assert.Equal(MeshRefusal.Overloaded, await Refusal(bed.Open("a")));
        var (b, _, stream) = await bed.Leased("b");
        Assert.Equal(MeshRefusal.Overloaded, await Refusal(bed.Open("b")));

        await bed.End(stream);
        await bed.Stream("b");
        Assert.False(b.HasEnded);
        var table = bed.Census.Table("mesh.streams");
        Assert.Equal((3, 3), (table.Size, table.HighWater));
        Assert.Equal([("full", 1), ("per_peer", 1)], table.Rejections.Select(each => (each.Key, each.Value)));
    }

    [Fact]
    public async Task While_memory_is_short_no_connection_stays_idle()
    {
        var idle = await _bed.Idle("a");
        var (used, _, stream) = await _bed.Leased("b");
        _bed.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.RefuseClients));
        await _bed.Handled();
        Assert.False(idle.HasEnded);

        _bed.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.CloseIdlePeers));
        await this.Eventually(() => idle.HasEnded);
        Assert.False(used.HasEnded);
        await _bed.End(stream);
        await this.Eventually(() => used.HasEnded);
        Assert.Equal((0, 2), (_bed.Connections, _bed.Closed("memory_pressure")));

        _bed.Tell(new MemoryProtocol.LevelChanged(MemoryLevel.Normal));
        await _bed.Idle("a");
        Assert.Equal("a", await _bed.Peers());
    }

    [Fact]
    [Trait("Defect", "D40")]
    public async Task The_limit_is_the_configured_one()
    {
        var options = MeshOptions.Read(new OptionsReader(
            MaculaConfig.FromSettings([new("macula.mesh.max-connections", "1")]), "macula.mesh"));
        var bed = new MeshBed(this, options);
        await bed.Leased("a");

        Assert.Equal(MeshRefusal.PoolFull, await Refusal(bed.Open("b")));
        Assert.Equal(1, bed.Census.Table("mesh.connections").Limit);
    }

    [Fact]
    public async Task The_log_tells_the_life_of_a_connection()
    {
        await EventFilter.Warning(contains: "Could not connect to a at 10.0.0.1:9443: nobody is there").ExpectAsync(1, async () =>
        {
            _bed.Open("a");
            (await _bed.Quic.Next()).Fail();
        });
        await _bed.Leased("a");
        await _bed.Leased("b");
        await EventFilter.Warning(contains: "The mesh pool is full, and its 2 connections are in use").ExpectAsync(1, async () =>
        {
            await Refusal(_bed.Open("c"));
            await Refusal(_bed.Open("c")); // not told again within a second
        });
    }

    private static ValueTask<IQuicStream> NoStream(CancellationToken token) => ValueTask.FromException<IQuicStream>(
        new QuicTransportException(QuicTransportError.ConnectionIdle, "it is gone"));

    // What a call goes with to where a client says that somebody is.
    private static TestProbe Hearsay(MeshBed bed, string peer, PeerAddress address) => bed.Tell(new Exchange(
        NodeId.Parse(peer), address, Wire.Frame(FrameType.Ping, 0x80), TimeSpan.FromSeconds(30), 1, IsHearsay: true));
}
