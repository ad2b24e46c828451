using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Tests;

/// <summary>A mesh pool under a parent that restarts it, and what a spec says to it.</summary>
internal sealed class MeshBed
{
    public static readonly PeerAddress Somewhere = new("10.0.0.1", 9443);
    public static readonly PeerAddress Elsewhere = new("10.0.0.2", 9443);

    public static readonly MeshOptions Options = new()
    {
        MaxConnections = 2,
        MaxDials = 10,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        RequestTimeout = TimeSpan.FromSeconds(10),
        IdleTimeout = TimeSpan.FromMinutes(5),
        MaxWaiters = 10,
        MaxWaitersPerPeer = 5,
        MaxStreams = 20,
        MaxStreamsPerPeer = 8,
        MaxExchanges = 6,
        MaxExchangesPerPeer = 4,
        MaxRequesters = 10,
        RetireGrace = TimeSpan.FromSeconds(30),
    };

    private readonly TestKit _kit;

    public MeshBed(
        TestKit kit, MeshOptions? options = null, IQuicProvider? provider = null,
        Func<PeerAddress, QuicConnectOptions>? connect = null, int maxFrameSize = 1024 * 1024)
    {
        _kit = kit;
        connect ??= address => new QuicConnectOptions { EndPoint = address.EndPoint };
        var pool = MeshPoolActor.Props(
            options ?? Options, provider ?? Quic, connect, maxFrameSize, Census, new GatewayMetrics(Meters, Census));
        Parent = kit.ActorOfAsTestActorRef<Restarting>(Props.Create(() => new Restarting(pool)));
        Pool = Parent.UnderlyingActor.Child;
    }

    public FakeQuic Quic { get; } = new();

    public TableCensus Census { get; } = new();

    public TestMeters Meters { get; } = new();

    public TestActorRef<Restarting> Parent { get; }

    public IActorRef Pool { get; }

    public long Connections => Census.Size("mesh.connections");

    public long Streams => Census.Size("mesh.streams");

    public Task Handled() => _kit.Handled(Pool);

    public TestProbe Tell(object message, TestProbe? from = null)
    {
        from ??= _kit.CreateTestProbe();
        Pool.Tell(message, from);
        return from;
    }

    /// <summary>Asks for a stream and does not wait for it.</summary>
    public TestProbe Open(string peer, PeerAddress? address = null, TestProbe? from = null) =>
        Tell(new OpenStream(NodeId.Parse(peer), address ?? Somewhere), from);

    /// <summary>A stream, on the connection that is there.</summary>
    public async Task<(TestProbe Owner, FakeMeshStream Stream)> Stream(
        string peer, PeerAddress? address = null, TestProbe? from = null)
    {
        var owner = Open(peer, address, from);
        return (owner, await Opened(owner));
    }

    public static async Task<FakeMeshStream> Opened(TestProbe owner) =>
        (FakeMeshStream)(await owner.ExpectMsgAsync<StreamOpened>(SpecExtensions.Deadline)).Stream;

    public static async Task<MeshRefusal> Refusal(TestProbe owner) =>
        (await owner.ExpectMsgAsync<Refused>(SpecExtensions.Deadline)).Reason;

    /// <summary>A connection that stands, with one open stream.</summary>
    public async Task<(FakeConnection Connection, TestProbe Owner, FakeMeshStream Stream)> Leased(
        string peer, PeerAddress? address = null)
    {
        var owner = Open(peer, address);
        var connection = (await Quic.Next()).Succeed();
        return (connection, owner, await Opened(owner));
    }

    /// <summary>A connection that stands and is not in use.</summary>
    public async Task<FakeConnection> Idle(string peer, PeerAddress? address = null)
    {
        var (connection, _, stream) = await Leased(peer, address);
        await End(stream);
        return connection;
    }

    /// <summary>Ends a stream, and returns when the pool knows.</summary>
    public async Task End(FakeMeshStream stream)
    {
        await Task.Run(stream.End); // where the pool's continuation runs at once, which a spec's own context puts off
        await Handled();
    }

    public async Task<IReadOnlyList<PeerInfo>> List() =>
        (await Tell(MeshProtocol.List.Instance).ExpectMsgAsync<Listed>(SpecExtensions.Deadline)).Peers;

    public async Task<string> Peers() => string.Join(' ', (await List()).Select(peer => peer.Peer.ToString()).Order());

    public async Task<PeerInfo?> Find(string peer) =>
        (await Tell(new Find(NodeId.Parse(peer))).ExpectMsgAsync<Found>(SpecExtensions.Deadline)).Info;

    public long Dialled(string outcome) => Meters.Total("macula.mesh.dials", outcome);

    public long Closed(string reason) => Meters.Total("macula.mesh.closed", reason);

    /// <summary>Moves time on by one tick of the pool, which looks at all deadlines then.</summary>
    public async Task Advance(TimeSpan time)
    {
        await Handled();
        _kit.Advance(time);
        await Handled();
    }

    /// <summary>Kills the pool; its parent starts it again. Returns when it has found its connections again.</summary>
    public async Task Crash()
    {
        Pool.Tell(Kill.Instance);
        await Handled();
        foreach (var child in ((ActorRefWithCell)Pool).Children) await _kit.Handled(child); // after it said who it is
        await Handled();
    }

    /// <summary>Whatever fails under it is started again.</summary>
    internal sealed class Restarting : ReceiveActor
    {
        public Restarting(Props child)
        {
            Child = Context.ActorOf(child, "mesh");
            ReceiveAny(_ => { });
        }

        public IActorRef Child { get; }

        /// <summary>Whether the pool has any connection's actor.</summary>
        public bool HasGrandchildren() => ((ActorRefWithCell)Child).Children.Any();

        protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Restart);
    }
}
