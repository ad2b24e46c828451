using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Clients;

/// <summary>A client manager in the hands of a spec, and the sums that hold between any two of its messages.</summary>
internal sealed class ClientTable
{
    public static readonly ClientManagerOptions Options = new()
    {
        MaxClients = 3,
        RetryAfter = TimeSpan.FromSeconds(7),
        RetrySpread = TimeSpan.Zero,
        DrainBatch = 2,
        DrainInterval = TimeSpan.FromSeconds(10),
        MaxListPage = 2,
    };

    private readonly TestKit _kit;

    public ClientTable(TestKit kit, ClientManagerOptions? options = null)
    {
        _kit = kit;
        Actor = kit.Sys.ActorOf(
            ClientManagerActor.Props(options ?? Options, Census, new GatewayMetrics(Meters, Census)), "clients");
    }

    public IActorRef Actor { get; }

    public TestMeters Meters { get; } = new();

    public TableCensus Census { get; } = new();

    public (long Clients, long Streams) Sizes => (Census.Size("clients"), Census.Size("client_streams"));

    public static ClientInfo Info(string node, string endpoint = "") =>
        new(NodeId.Parse(node), TestOptions.Realm, ["rpc"], endpoint, "127.0.0.1:1");

    public async Task<FakeSink> Admit(string node)
    {
        var sink = new FakeSink(_kit.CreateTestProbe());
        Assert.IsType<Admitted>(await Connect(node, sink));
        return sink;
    }

    public Task<object> Connect(string node, IActorRef connection) => Connect(node, new FakeSink(connection));

    public async Task<object> Connect(string node, IFrameSink sink) =>
        await Ask<object>(new Connect(Info(node), sink));

    public async Task<T> Ask<T>(object question)
    {
        var asked = _kit.CreateTestProbe();
        Actor.Tell(question, asked);
        return await asked.ExpectMsgAsync<T>(SpecExtensions.Deadline);
    }

    public async Task<ClientInfo?> Find(string node) => (await Ask<Found>(new Find(NodeId.Parse(node)))).Client;

    /// <summary>Ends a connection and returns when the manager knows.</summary>
    public async Task End(IActorRef connection)
    {
        await _kit.End(connection);
        await AsyncUntil(async () => (await Ask<Found>(new FindConnection(connection))).Client is null);
    }

    public long Total(string what, string? reason = null) => Meters.Total($"macula.clients.{what}", reason);

    /// <summary>Every attempt was accepted or rejected, everyone who was accepted is here or was closed, and the tables
    /// agree.</summary>
    public async Task AssertConserved()
    {
        await _kit.Handled(Actor);
        Assert.Equal(Sizes.Clients, Sizes.Streams);
        Assert.InRange(Sizes.Clients, 0, Census.Table("clients").Limit);
        Assert.Equal(Total("accepted"), Sizes.Clients + Total("closed"));
        Assert.Equal(Total("attempts"), Total("accepted") + Total("rejected"));
        Assert.Equal(Total("rejected"), Total("rejected", "max_clients_reached") + Total("rejected", "draining"));
        Assert.Equal(Total("rejected"), Census.Table("clients").Rejected);
    }

    private Task AsyncUntil(Func<Task<bool>> condition) =>
        _kit.AwaitConditionAsync(condition, SpecExtensions.Deadline, TimeSpan.FromMilliseconds(5));
}
