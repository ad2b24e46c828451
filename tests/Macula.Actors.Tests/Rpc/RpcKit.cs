using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Rpc;

/// <summary>An RpcActor among probes.</summary>
public abstract class RpcKit : TestKit
{
    protected static readonly NodeId Self = NodeId.Parse("gateway");

    protected static readonly RpcOptions Options = new()
    {
        CallTimeout = TimeSpan.FromSeconds(30),
        MaxCallTimeout = TimeSpan.FromSeconds(60),
        MaxPendingCalls = 4,
        MaxPendingCallsPerClient = 3,
        MaxPendingBytes = 100_000,
        MaxPendingBytesPerClient = 100_000,
        MaxPendingLookups = 3,
        LookupTimeout = TimeSpan.FromSeconds(5),
        MaxAttempts = 3,
        MaxHandlers = 3,
        MaxCallsPerHandler = 2,
        MaxProcedureLength = 64,
        MaxHops = 5,
        Strategy = SelectionStrategy.RoundRobin,
    };

    protected RpcKit(ITestOutputHelper log) : base(TestConfig.Strict, output: log)
    {
        (Registry, Clients, Mesh) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        // As the registry does: the credit of a call returns when its providers were looked up.
        Registry.SetAutoPilot(new DelegateAutoPilot((_, message) =>
        {
            (message as ILeased)?.Lease.Return();
            return AutoPilot.KeepRunning;
        }));
        Rpc = Start(Options);
    }

    private protected TestMeters Meters { get; } = new();

    private protected TableCensus Tables { get; private set; } = new();

    private protected ReadCredit Credit { get; } = new(1000, 10_000_000);

    protected TestProbe Registry { get; }

    protected TestProbe Clients { get; }

    protected TestProbe Mesh { get; }

    protected IActorRef Rpc { get; set; }

    protected long Pending => Tables.Size("rpc.pending_calls");

    /// <summary>An actor with tables of its own, which are those that are looked at from now on.</summary>
    protected IActorRef Start(RpcOptions options, IActorRef? mesh = null)
    {
        Tables = new TableCensus();
        return Sys.ActorOf(RpcActor.Props(
            options, Self, Registry, Clients, mesh ?? Mesh, Tables, new GatewayMetrics(Meters, Tables)));
    }

    private protected FakeSink Sink() => new(CreateTestProbe());

    protected long Outcomes(string outcome) => Meters.Total("macula.rpc.calls", outcome);

    protected long Lookups(string outcome) => Meters.Total("macula.rpc.lookups", outcome);

    private protected async Task<FrameLease> Lease() => await Credit.TakeAsync(10);

    private protected async Task Call(FakeSink caller, CallMessage call) =>
        await Tell(new Call(caller, call, await Lease()));

    private protected async Task Reply(FakeSink provider, CallId id, string result) =>
        await Tell(new Reply(provider, new ReplyMessage(id, Wire.Bytes(result)), await Lease()));

    private protected async Task Route(FakeSink from, RpcRouteMessage route) =>
        await Tell(new Route(from, route, await Lease()));

    private protected Task Answer(params FakeSink[] providers) => Answer(0, providers);

    private protected Task Answer(int turn, params FakeSink[] providers) => AnswerFrom(Rpc, turn, providers);

    // The registry's answer to the next question.
    private protected Task AnswerFrom(IActorRef rpc, int turn, params FakeSink[] providers) => AnswerLive(
        rpc, turn, [.. providers.Select((sink, i) => new RegistryProtocol.Provider(NodeId.Parse($"p{i}"), sink))]);

    protected Task AnswerLive(params RegistryProtocol.Provider[] live) => AnswerLive(Rpc, 0, live);

    private async Task AnswerLive(IActorRef rpc, int turn, RegistryProtocol.Provider[] live)
    {
        var asked = await Registry.ExpectMsgAsync<RegistryProtocol.FindProviders>(SpecExtensions.Deadline);
        Registry.Send(rpc, new RegistryProtocol.Providers(asked.Id, live, turn, []));
        await this.Handled(rpc);
    }

    /// <summary>The registry knows no provider, but peers to ask.</summary>
    protected async Task AnswerPeers(params RegistryProtocol.Peer[] peers)
    {
        var asked = await Registry.ExpectMsgAsync<RegistryProtocol.FindProviders>(SpecExtensions.Deadline);
        Registry.Send(Rpc, new RegistryProtocol.Providers(asked.Id, [], 0, peers));
        await this.Handled(Rpc);
    }

    protected async Task AnswerHops(params RegistryProtocol.Peer[] hops)
    {
        var asked = await Registry.ExpectMsgAsync<RegistryProtocol.FindNextHops>(SpecExtensions.Deadline);
        Registry.Send(Rpc, new RegistryProtocol.NextHops(asked.Id, hops));
        await this.Handled(Rpc);
    }

    protected static RegistryProtocol.Peer Peer(string node) =>
        new(NodeId.Parse(node), new PeerAddress($"{node}.example", 9443));

    /// <summary>A provider of this name on the node of a peer.</summary>
    protected static RegistryProtocol.Provider Remote(string node, string peer) =>
        new(NodeId.Parse(node), null, Peer(peer));

    /// <summary>What the mesh is asked to bring to a peer next.</summary>
    private protected async Task<(MeshProtocol.Exchange Exchange, WireFrame Frame)> Exchange()
    {
        var exchange = await Mesh.ExpectMsgAsync<MeshProtocol.Exchange>(SpecExtensions.Deadline);
        return (exchange, WireFrame.Parse(exchange.Frame));
    }

    /// <summary>A peer's answer.</summary>
    private protected async Task Exchanged<T>(MeshProtocol.Exchange exchange, T message)
        where T : IMessage
    {
        var frame = WireFrame.Parse(message.ToFrame());
        Mesh.Send(Rpc, new MeshProtocol.Exchanged(
            exchange.Id, exchange.Peer, frame.Type, frame.Bytes[Frame.HeaderLength..]));
        await this.Handled(Rpc);
    }

    private protected async Task ExchangeFails(MeshProtocol.Exchange exchange, MeshRefusal reason)
    {
        Mesh.Send(Rpc, new MeshProtocol.ExchangeFailed(exchange.Id, exchange.Peer, reason, "It did not work.", exchange.Address));
        await this.Handled(Rpc);
    }

    private protected static CallMessage RoutedCall(WireFrame frame)
    {
        Assert.True(CallMessage.TryDecode(frame.Route().Payload.AsPayload(), out var call, out _));
        return call;
    }

    private protected static ReplyMessage RoutedReply(FakeSink peer)
    {
        Assert.True(ReplyMessage.TryDecode(peer.Last.Route().Payload.AsPayload(), out var reply, out _));
        return reply;
    }

    protected async Task<TestProbe> Register(string procedure)
    {
        var handler = CreateTestProbe();
        Rpc.Tell(new Register(procedure, handler), TestActor);
        await ExpectMsgAsync<Registered>(SpecExtensions.Deadline);
        return handler;
    }

    protected async Task Advance(int milliseconds)
    {
        this.Advance(TimeSpan.FromMilliseconds(milliseconds));
        await this.Handled(Rpc);
    }

    protected async Task Tell(object message)
    {
        Rpc.Tell(message);
        await this.Handled(Rpc);
        await this.Eventually(() => Credit.Frames == 0);
    }

    /// <summary>Nothing is left of any call, and nobody is watched.</summary>
    protected async Task AssertIdle()
    {
        await Advance(1000); // those without calls are kept for a second
        await Advance(20);
        Assert.DoesNotContain(Tables.Tables, table => table.Size != 0 && table.Name != "rpc.handlers");
        Assert.Equal(0, Credit.Frames);
    }
}
