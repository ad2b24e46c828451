using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Clients;

public sealed class ClientManagerActorSpecs : TestKit
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(7);
    private static readonly ClientManagerOptions Options = ClientTable.Options with { MaxClients = 2 };

    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly ReadCredit _credit = new(1000, 1_000_000);
    private readonly IActorRef _manager;

    public ClientManagerActorSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _manager =
        Sys.ActorOf(ClientManagerActor.Props(Options, _census, new GatewayMetrics(_meters, _census)), "clients");

    [Fact]
    public async Task A_client_is_admitted_and_reached_on_its_stream()
    {
        var sink = await Admit("a");

        Assert.Null(await Deliver("a"));
        Assert.Equal(FrameDelivery.Refusable, Assert.Single(sink.Deliveries));
        Assert.Equal((1, 1), Sizes());
    }

    [Fact]
    public async Task A_frame_for_a_node_that_is_not_connected_comes_back()
    {
        Assert.Equal("a", await Deliver("a"));
    }

    [Fact]
    public async Task A_frame_that_the_stream_does_not_take_comes_back()
    {
        (await Admit("a")).IsOpen = false;

        Assert.Equal("a", await Deliver("a"));
    }

    [Fact]
    public async Task A_call_that_was_delivered_is_settled_where_it_came_from()
    {
        await Admit("a");
        var from = new FakeSink(CreateTestProbe());
        await Deliver("a", from);
        await Deliver("b", from);

        Assert.Equal(1, from.Settled);
    }

    [Fact]
    [Trait("Defect", "D12")]
    [Trait("Defect", "D37")]
    public async Task One_client_more_than_there_may_be_is_refused_with_a_time_to_retry()
    {
        await Admit("a");
        await Admit("b");

        var refused = Assert.IsType<Refused>(await Connect("c", CreateTestProbe()));

        Assert.Equal((DisconnectReason.MaxClientsReached, RetryAfter), (refused.Reason, refused.RetryAfter));
        Assert.Equal((2, 2), Sizes());
        Assert.Equal(1, _census.Table("clients").Rejected);
        Assert.Equal(1, _meters.Total("macula.connections.refused", "max_clients_reached"));
    }

    [Fact]
    [Trait("Defect", "D36")]
    public async Task When_full_a_known_client_may_still_connect_again_and_a_known_connection_change_its_id()
    {
        var first = CreateTestProbe();
        await Connect("a", first);
        await Admit("b");

        Assert.IsType<Admitted>(await Connect("a", first));
        Assert.IsType<Admitted>(await Connect("c", first));
        Assert.IsType<Admitted>(await Connect("b", CreateTestProbe()));
        Assert.Equal((2, 2), Sizes());
        Assert.Equal("a", await Deliver("a"));
    }

    [Fact]
    public async Task The_newest_connection_of_a_node_wins_and_the_older_is_told()
    {
        var (older, newer) = (CreateTestProbe(), CreateTestProbe());
        await Connect("roaming", older);
        await Connect("roaming", newer);

        await older.ExpectMsgAsync<Superseded>(SpecExtensions.Deadline);
        Assert.Equal((1, 1), Sizes());
    }

    [Fact]
    [Trait("Defect", "D38")]
    public async Task The_late_end_of_a_superseded_connection_leaves_its_successor_in_place()
    {
        var older = CreateTestProbe();
        await Connect("roaming", older);
        var newer = await Admit("roaming");

        // Told, not raced for; the real notice is no longer watched for.
        _manager.Tell(new Terminated(older, true, true), TestActor);
        await this.End(older);

        Assert.Null(await Deliver("roaming"));
        Assert.Single(newer.Frames);
        Assert.Equal((1, 1), Sizes());
    }

    [Fact]
    public async Task A_connection_that_takes_the_id_of_another_gives_its_own_back()
    {
        var (a, b) = (CreateTestProbe(), CreateTestProbe());
        await Connect("a", a);
        await Connect("b", b);

        Assert.IsType<Admitted>(await Connect("b", a));

        await b.ExpectMsgAsync<Superseded>(SpecExtensions.Deadline);
        Assert.Equal((1, 1), Sizes());
        Assert.Equal("a", await Deliver("a"));
        Assert.Null(await Deliver("b"));
    }

    [Fact]
    public async Task Connecting_again_on_another_stream_moves_the_deliveries_there()
    {
        var connection = CreateTestProbe();
        var (one, two) = (new FakeSink(connection), new FakeSink(connection));
        await Connect("a", one);
        await Connect("a", two);

        await Deliver("a");

        Assert.Equal((0, 1), (one.Frames.Count, two.Frames.Count));
        Assert.False(connection.HasMessages); // it has not superseded itself
    }

    [Fact]
    public async Task The_end_of_a_connection_frees_its_place()
    {
        var sink = await Admit("a");
        await Admit("b");

        await this.End(sink.Connection);
        await this.Eventually(() => _census.Size("clients") == 1);

        Assert.Equal((1, 1), Sizes());
        await Admit("c");
        Assert.Equal("a", await Deliver("a"));
    }

    [Fact]
    public async Task A_connection_that_ended_before_it_was_admitted_does_not_stay()
    {
        var connection = CreateTestProbe();
        await this.End(connection);
        await Connect("a", connection);

        await this.Eventually(() => Sizes() == (0, 0));
    }

    [Fact]
    public async Task While_draining_nobody_is_admitted()
    {
        await Admit("a");
        _manager.Tell(Drain.Instance, CreateTestProbe());

        var refused = Assert.IsType<Refused>(await Connect("b", CreateTestProbe()));
        Assert.Equal((DisconnectReason.Draining, RetryAfter), (refused.Reason, refused.RetryAfter));
        Assert.Null(await Deliver("a"));
    }

    private (long, long) Sizes() => (_census.Size("clients"), _census.Size("client_streams"));

    private async Task<FakeSink> Admit(string node)
    {
        var sink = new FakeSink(CreateTestProbe());
        Assert.IsType<Admitted>(await Connect(node, sink));
        return sink;
    }

    private Task<object> Connect(string node, IActorRef connection) => Connect(node, new FakeSink(connection));

    private async Task<object> Connect(string node, FakeSink sink)
    {
        var info = new ClientInfo(NodeId.Parse(node), TestOptions.Realm, [], "", "127.0.0.1:1");
        _manager.Tell(new Connect(info, sink), TestActor);
        return await ExpectMsgAsync<object>(SpecExtensions.Deadline);
    }

    // The node that was not reached, or null. Either way the credit is back or comes with the answer.
    private async Task<string?> Deliver(string node, FakeSink? from = null)
    {
        var asked = CreateTestProbe();
        var lease = await _credit.TakeAsync(10);
        _manager.Tell(new Deliver(NodeId.Parse(node), Wire.Subscribe("x").ToFrame(), from, "tag", lease), asked);
        await this.Handled(_manager);
        NotConnected? answer = null;
        if (asked.HasMessages)
        {
            answer = await asked.ExpectMsgAsync<NotConnected>();
            Assert.Equal("tag", answer.Tag);
            answer.Lease.Return();
        }

        Assert.Equal(0, _credit.Frames);
        return answer?.Node.ToString();
    }
}
