using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch.SysMsg;
using Akka.TestKit.Xunit2;
using Macula.Actors.Clients;
using Macula.Actors.Configuration;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Clients;

/// <summary>What was wrong with clients in the reference, one spec for each.</summary>
public sealed class ClientDefectSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    [Fact]
    [Trait("Defect", "D4")]
    public async Task CONNECT_takes_a_place_and_the_end_of_the_client_gives_it_back()
    {
        var node = await TestNode.Start(this, Settings(maxClients: 2));
        for (var i = 0; i < 10; i++)
        {
            var (peer, _) = await node.Join($"client-{i}");
            Assert.Equal((1, 1), (node.Census.Size("clients"), node.Census.Size("client_streams")));
            peer.Die();
            await node.AssertEmpty();
        }

        Assert.Equal((10, 10), (node.Meters.Total("macula.clients.accepted"), node.Meters.Total("macula.clients.closed")));
    }

    [Theory]
    [InlineData("abort")]
    [InlineData("close")]
    [InlineData("stream aborted")]
    [Trait("Defect", "D5")]
    public async Task However_a_connection_ends_its_client_goes_with_it(string way)
    {
        var node = await TestNode.Start(this);
        var (peer, stream) = await node.Join("a");
        if (way == "abort") peer.Die();
        else if (way == "close") await peer.Connection.CloseAsync(0).AsTask().Soon();
        else stream.Abort();

        await this.Eventually(() =>
        {
            this.Advance(TestOptions.Defaults.Gateway.CloseGrace); // a connection that has lost its stream is closed after it
            return node.Census.Size("clients") + node.Census.Size("client_streams") + node.Census.Size("connections") == 0;
        });
        Assert.Equal(1, node.Meters.Total("macula.clients.closed", "ended"));
    }

    [Theory]
    [InlineData("https://no.such.host.invalid:9443")]
    [InlineData("https://[::1]:9443")]
    [InlineData("no url at all")]
    [Trait("Defect", "D7")]
    public async Task An_endpoint_is_noted_and_never_resolved(string endpoint)
    {
        var node = await TestNode.Start(this);
        var peer = await node.Connect();
        var stream = await peer.Open();
        await stream.Send(Wire.Connect("a") with { Endpoint = (Utf8Text)endpoint });

        (await stream.Next())!.Pong();
        Assert.Empty(await stream.Settle());
        Assert.Equal(0, node.Meters.Total("macula.concern.restarts"));
    }

    [Fact]
    [Trait("Defect", "D12")]
    public async Task A_full_node_refuses_and_serves_on()
    {
        var node = await TestNode.Start(this, Settings(maxClients: 1));
        var (_, inside) = await node.Join("a");
        for (var i = 0; i < 20; i++)
        {
            var peer = await node.Connect();
            var stream = await peer.Open();
            await stream.Send(Wire.Connect($"late-{i}"));
            Assert.Equal("max_clients_reached", (await stream.Next())!.Disconnect().Reason.ToString());
            peer.Die();
        }

        Assert.Empty(await inside.Settle());
        Assert.Equal(0, node.Meters.Total("macula.concern.restarts"));
    }

    [Fact]
    [Trait("Defect", "D35")]
    public async Task A_living_connection_that_is_no_client_any_more_is_not_watched()
    {
        var table = new ClientTable(this);
        var (one, two) = (new WatchedRef(Sys), new WatchedRef(Sys));
        for (var i = 0; i < 50; i++)
        {
            await table.Connect("roaming", one);
            await table.Connect("roaming", one); // again, which must not be watched twice
            await table.Connect("roaming", two);
        }

        Assert.Equal((0, 1), (one.Watchers, two.Watchers));
        await table.AssertConserved();
    }

    [Fact]
    [Trait("Defect", "D36")]
    public async Task A_client_that_takes_a_new_id_leaves_nothing_under_the_old_one()
    {
        var table = new ClientTable(this);
        var connection = CreateTestProbe();
        for (var i = 0; i < 50; i++) Assert.IsType<Admitted>(await table.Connect($"name-{i}", connection));

        Assert.Equal((1, 1), table.Sizes);
        Assert.Null(await table.Find("name-48"));
        Assert.NotNull(await table.Find("name-49"));
        await table.End(connection);
        Assert.Equal((0, 0), table.Sizes);
        await table.AssertConserved();
    }

    [Fact]
    [Trait("Defect", "D37")]
    public async Task There_is_no_stream_of_one_who_was_not_admitted()
    {
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 1 });
        await table.Admit("a");
        for (var i = 0; i < 500; i++)
            Assert.IsType<Refused>(await table.Connect($"stranger-{i}", new WatchedRef(Sys)));

        Assert.Equal((1, 1), table.Sizes);
        Assert.Null((await table.Ask<Found>(new Find(NodeId.Parse("stranger-7")))).Stream);
    }

    [Fact]
    [Trait("Defect", "D38")]
    public async Task Of_two_connections_with_one_id_the_end_of_the_first_leaves_the_second()
    {
        var node = await TestNode.Start(this);
        var (older, first) = await node.Join("same");
        var (_, second) = await node.Join("same");
        Assert.Equal("session_superseded", (await first.Next())!.Disconnect().Reason.ToString());
        older.Die();
        await this.Eventually(() => node.Census.Size("connections") == 1);

        var (_, other) = await node.Join("other");
        await other.Send(RpcRouteMessage.ForCall(NodeId.Parse("same"), NodeId.Parse("other"), Wire.Call("add")));
        Assert.True((await second.Next())!.Route().IsCall);
        Assert.Equal((2, 2), (node.Census.Size("clients"), node.Census.Size("client_streams")));
    }

    [Fact]
    [Trait("Defect", "D39")]
    public async Task There_is_no_client_without_a_node_id()
    {
        Assert.Throws<ArgumentException>(() => new ClientInfo(default, TestOptions.Realm, [], "", ""));

        var node = await TestNode.Start(this);
        var (_, other) = await node.Join("other");
        var peer = await node.Connect();
        var stream = await peer.Open();
        await stream.Send(Wire.Frame(FrameType.Connect, 0x80));
        Assert.Equal("malformed_connect", (await stream.Next())!.Disconnect().Reason.ToString());
        peer.Die();
        Assert.Empty(await other.Settle());
        Assert.Equal((1, 0), (node.Census.Size("clients"), node.Meters.Total("macula.concern.restarts")));
    }

    [Fact]
    [Trait("Defect", "D40")]
    public void The_limit_is_a_setting()
    {
        var reader = new OptionsReader(ConfigurationFactory.ParseString("macula.clients.max-clients = 3"), "macula.clients");

        Assert.Equal(3, ClientManagerOptions.Read(reader).MaxClients);
        Assert.Empty(reader.Faults);
    }

    private static Macula.Actors.Gateway.GatewaySettings Settings(int maxClients) => TestOptions.Defaults with
    {
        Clients = TestOptions.Defaults.Clients with { MaxClients = maxClients },
    };

    /// <summary>Counts who watches it.</summary>
    private sealed class WatchedRef(ActorSystem system) : MinimalActorRef
    {
        private static long _last;
        private int _watchers;

        public int Watchers => Volatile.Read(ref _watchers);

        public override ActorPath Path { get; } =
            new RootActorPath(Address.AllSystems) / "watched" / $"{Interlocked.Increment(ref _last)}";

        public override IActorRefProvider Provider { get; } = ((ExtendedActorSystem)system).Provider;

        public override void SendSystemMessage(ISystemMessage message)
        {
            if (message is Watch) Interlocked.Increment(ref _watchers);
            else if (message is Unwatch) Interlocked.Decrement(ref _watchers);
        }
    }
}
