using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.Tests.Clients;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Memory;

/// <summary>The first step: whom the client manager admits while memory is short.</summary>
public sealed class RefusedClientsSpecs : TestKit
{
    private static readonly ClientManagerOptions Options = ClientTable.Options with { MaxClients = 2 };

    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly IActorRef _manager;

    public RefusedClientsSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) => _manager =
        Sys.ActorOf(ClientManagerActor.Props(Options, _census, new GatewayMetrics(_meters, _census)), "clients");

    [Theory]
    [InlineData(MemoryLevel.RefuseClients)]
    [InlineData(MemoryLevel.CloseIdlePeers)]
    [InlineData(MemoryLevel.DropCaches)]
    [InlineData(MemoryLevel.ShrinkQueues)]
    public async Task From_the_first_level_on_unknown_clients_are_refused_and_known_ones_update(MemoryLevel level)
    {
        var known = CreateTestProbe();
        Assert.IsType<Admitted>(await Connect("known", known));
        Tell(level);

        await EventFilter.Warning("Client connection rejected: memory_pressure").ExpectOneAsync(async () =>
        {
            var refused = Assert.IsType<Refused>(await Connect("new", CreateTestProbe()));
            Assert.Equal(
                (DisconnectReason.MemoryPressure, TimeSpan.FromSeconds(30)), (refused.Reason, refused.RetryAfter));
        });
        Assert.IsType<Admitted>(await Connect("known", known));
        Assert.IsType<Admitted>(await Connect("renamed", known));
        Assert.IsType<Admitted>(await Connect("renamed", CreateTestProbe())); // it roams
        Assert.Equal(1, _census.Size("clients"));
        Assert.Equal(
            [KeyValuePair.Create("memory_pressure", 1L)], _census.Table("clients").Rejections);
        Assert.Equal(1, _meters.Total("macula.connections.refused", "memory_pressure"));
    }

    [Fact]
    public async Task When_memory_is_back_they_are_admitted()
    {
        Tell(MemoryLevel.ShrinkQueues);
        Assert.IsType<Refused>(await Connect("a", CreateTestProbe()));
        Tell(MemoryLevel.Normal);

        Assert.IsType<Admitted>(await Connect("a", CreateTestProbe()));
    }

    [Fact]
    public async Task A_node_that_drains_says_so_and_nothing_of_memory()
    {
        Tell(MemoryLevel.RefuseClients);
        _manager.Tell(Drain.Instance, CreateTestProbe());

        var refused = Assert.IsType<Refused>(await Connect("a", CreateTestProbe()));
        Assert.Equal(DisconnectReason.Draining, refused.Reason);
    }

    [Fact]
    public async Task After_a_restart_those_who_were_inside_stay_and_others_are_refused()
    {
        var known = CreateTestProbe();
        Assert.IsType<Admitted>(await Connect("known", known));
        await EventFilter.Exception<InvalidOperationException>("on purpose").ExpectOneAsync(async () =>
        {
            Assert.IsType<Admitted>(await Connect("broken", new BrokenSink(known)));
            _manager.Tell(new Deliver(NodeId.Parse("broken"), default, null, "", default));
        });
        var asked = CreateTestProbe();
        _manager.Tell(new Connect(Info("new"), new FakeSink(asked)), asked); // waits
        Tell(MemoryLevel.RefuseClients); // as the guard answers
        _manager.Tell(new Resume(Info("known"), new FakeSink(known)), known);
        _manager.Tell(GatewayProtocol.Recovered.Instance);

        var refused = await asked.ExpectMsgAsync<Refused>(SpecExtensions.Deadline);
        Assert.Equal(DisconnectReason.MemoryPressure, refused.Reason);
        Assert.Equal(1, _census.Size("clients"));
        Assert.False(known.HasMessages);
    }

    private void Tell(MemoryLevel level) =>
        _manager.Tell(new MemoryProtocol.LevelChanged(level) { RetryAfter = TimeSpan.FromSeconds(30) });

    private static ClientInfo Info(string node) => new(NodeId.Parse(node), TestOptions.Realm, [], "", "127.0.0.1:1");

    private Task<object> Connect(string node, IActorRef connection) => Connect(node, new FakeSink(connection));

    private async Task<object> Connect(string node, IFrameSink sink)
    {
        _manager.Tell(new Connect(Info(node), sink), TestActor);
        return await ExpectMsgAsync<object>(SpecExtensions.Deadline);
    }

    private sealed class BrokenSink(IActorRef connection) : IFrameSink
    {
        public IActorRef Connection { get; } = connection;

        public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery) =>
            throw new InvalidOperationException("on purpose");

        public void Settle()
        {
        }
    }
}
