using System.Net;
using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests;

/// <summary>A whole node in memory, and peers that connect to it.</summary>
internal sealed class TestNode
{
    public static readonly NodeId Id = NodeId.Parse("gateway-one"); // as in the vectors

    private readonly TestKit _kit;
    private IPEndPoint _endPoint = new(IPAddress.Loopback, 0);

    private TestNode(TestKit kit, GatewaySettings settings, QuicListenOptions? listen, MemoryEdge edge, NodeId? id)
    {
        (_kit, Edge) = (kit, edge);
        Metrics = new GatewayMetrics(Meters, Census);
        Actor = kit.Sys.ActorOf(
            GatewayActor.Props(
                settings, id ?? Id, TestOptions.Realm,
                new NodeEdge(Edge.Provider, [listen ?? MemoryEdge.Listen], MemoryEdge.Dial, Memory), Census, Metrics),
            $"macula{id}");
    }

    public MemoryEdge Edge { get; }

    /// <summary>What the memory guard reads; little, until a spec says more.</summary>
    public ScriptedMemory Memory { get; } = new();

    public IPEndPoint EndPoint => _endPoint;

    public TestMeters Meters { get; } = new();

    public TableCensus Census { get; } = new();

    public GatewayMetrics Metrics { get; }

    public IActorRef Actor { get; }

    public static async Task<TestNode> Start(
        TestKit kit, GatewaySettings? settings = null, QuicListenOptions? listen = null, TimeProvider? time = null,
        MemoryEdge? edge = null, NodeId? id = null)
    {
        var node = new TestNode(kit, settings ?? TestOptions.Defaults, listen, edge ?? new MemoryEdge(time), id);
        var ready = await node.Actor.Ask<GatewayProtocol.Ready>(GatewayProtocol.GetReady.Instance, SpecExtensions.Deadline);
        node._endPoint = Assert.Single(ready.Listening);
        return node;
    }

    public Task<TestPeer> Connect(bool certificate = false, int window = 256 * 1024) =>
        Edge.Connect(_endPoint, certificate, window);

    /// <summary>A client that is welcome, and its first stream.</summary>
    public async Task<(TestPeer Peer, TestStream Stream)> Join(string node, int window = 256 * 1024)
    {
        var peer = await Connect(window: window);
        return (peer, await peer.Join(node));
    }

    /// <summary>Every table but the node's own is at zero, and connections were counted in and out.</summary>
    public async Task AssertEmpty()
    {
        await _kit.Eventually(() => Census.Tables.All(table => table.Size == 0 || table.Name == "rpc.handlers"));
        Assert.Equal(Meters.Total("macula.connections.accepted"), Meters.Total("macula.connections.closed"));
    }
}
