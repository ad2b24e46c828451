using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

/// <summary>A registry alone, and what specs say to it.</summary>
public abstract class RegistryKit : TestKit
{
    protected static readonly RegistryOptions Options = new()
    {
        ServiceTtl = TimeSpan.FromSeconds(100),
        CleanupInterval = TimeSpan.FromSeconds(60),
        CacheTtl = TimeSpan.FromSeconds(50),
        MaxServices = 5,
        MaxServicesPerClient = 3,
        MaxProvidersPerService = 2,
        MaxCachedServices = 3,
        MaxValueSize = 200,
        MaxStoredBytes = 900,
        MaxStoredBytesPerClient = 1_000_000,
        MassExpiryGuard = true,
        MassExpiryShare = 50,
        MassExpiryMinimum = 20,
    };

    protected static readonly KnownPeersOptions NoPeers = new()
    {
        Peers = [],
        RefreshInterval = TimeSpan.FromSeconds(60),
        Endpoint = null,
    };

    private readonly ReadCredit _credit = new(1000, 1_000_000);

    protected RegistryKit(
        ITestOutputHelper log, RegistryOptions? options = null, KnownPeersOptions? peers = null, string config = "")
        : base(ConfigurationFactory.ParseString(config).WithFallback(TestConfig.Strict), output: log) =>
        Registry = Sys.ActorOf(
            RegistryActor.Props(
                options ?? Options, peers ?? NoPeers, NodeId.Parse("gateway"), Census, new GatewayMetrics(Meters, Census)),
            "registry");

    protected TestMeters Meters { get; } = new();

    protected TableCensus Census { get; } = new();

    protected IActorRef Registry { get; }

    internal async Task<FakeSink> Connect(string node, FakeSink? again = null, long session = 0)
    {
        var sink = again ?? new FakeSink(CreateTestProbe());
        await Tell(new NodeSeen(sink, NodeId.Parse(node), "10.0.0.1:77", "https://p:1", await _credit.TakeAsync(1), session));
        return sink;
    }

    internal async Task Store(FakeSink sink, string? sender, StoreMessage message) => await Tell(new Store(
        sink, sender is null ? default : NodeId.Parse(sender), DhtKey.FromBytes(message.Key.Span),
        [.. message.Value.Elements()!.Select(Stored)], await _credit.TakeAsync(1)));

    protected StoredRecord Stored(RawValue value)
    {
        Assert.True(ServiceRecord.TryDecode(value, out var record, out var error), error.ToString());
        return new StoredRecord(record, value, Sys.Scheduler.Elapsed());
    }

    protected async Task<FindValueReplyMessage> FindValue(string name)
    {
        var sink = new FakeSink(CreateTestProbe());
        await Tell(new FindValue(sink, Wire.FindValue(name), await _credit.TakeAsync(1)));
        Assert.Equal(FrameDelivery.Answer, Assert.Single(sink.Deliveries));
        return sink.Last.FoundValue();
    }

    protected async Task<List<string>> Found(string name) =>
        [.. (await FindValue(name)).Providers().Select(record => record.NodeId.ToString())];

    protected async Task<List<string>> FoundNodes(string target) =>
        [.. (await NodeInfos(target)).Select(node => node.NodeId.ToString())];

    protected async Task<IReadOnlyList<NodeInfo>> NodeInfos(string target)
    {
        var sink = new FakeSink(CreateTestProbe());
        await Tell(new FindNode(sink, new FindNodeMessage(Wire.Bytes(target)), await _credit.TakeAsync(1)));
        Assert.Equal(FrameDelivery.Answer, Assert.Single(sink.Deliveries));
        return sink.Last.FoundNodes().Nodes;
    }

    protected async Task<Providers> Ask(string name)
    {
        Registry.Tell(new FindProviders(DhtKey.ForName(name), 1), TestActor);
        return await ExpectMsgAsync<Providers>(SpecExtensions.Deadline);
    }

    protected async Task<List<string>> Callable(string name) =>
        [.. (await Ask(name)).Live.Select(provider => provider.Node.ToString())];

    protected async Task Tell(object message)
    {
        Registry.Tell(message);
        await this.Handled(Registry);
        Assert.Equal(0, _credit.Frames);
    }

    internal static TestProbe Probe(FakeSink sink) => (TestProbe)sink.Connection;

    /// <summary>The key of the one record that this connection is told next that it has not.</summary>
    internal static async Task<DhtKey> RefusedKey(FakeSink sink) =>
        Assert.Single((await Probe(sink).ExpectMsgAsync<NotStored>(SpecExtensions.Deadline)).Records).Key;

    /// <summary>How a node is called that said what <see cref="Wire.Advertise"/> says.</summary>
    protected static Provider Far(string node) =>
        new(NodeId.Parse(node), null, Peer(node, new PeerAddress(node, 9443)));

    protected static Peer Peer(string node, PeerAddress? address = null) =>
        new(NodeId.Parse(node), address ?? new PeerAddress(node, 9443));

    /// <summary>Rejections of a table, as "reason count".</summary>
    protected List<string> Rejections(string table = "registry.services") =>
        [.. Census.Table(table).Rejections.Select(each => $"{each.Key} {each.Value}")];
}
