using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Gateway;

public sealed class QuicListenerActorSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly FakeProvider _provider = new();

    [Fact]
    public async Task A_broken_listener_is_asked_again_after_a_while()
    {
        var listener = await Start();
        _provider.Accepting.SetException(new QuicTransportException(QuicTransportError.InternalError, "broken"));
        await this.Eventually(() => _provider.Accepts == 1);
        _provider.Accepting = new TaskCompletionSource<IQuicConnection>();
        await this.Eventually(() =>
        {
            this.Advance(TimeSpan.FromMilliseconds(200));
            return _provider.Accepts == 2;
        });
        await this.Handled(listener);
    }

    [Fact]
    public async Task Told_to_stop_before_the_port_is_bound_it_gives_the_port_back()
    {
        _provider.Listening = new TaskCompletionSource<IQuicListener>();
        var listener = Sys.ActorOf(Parent());
        await this.Handled(listener);
        listener.Tell(ListenerProtocol.Shutdown.Instance);
        await this.Handled(listener);
        Watch(listener);
        _provider.Listening.SetResult(_provider);

        await ExpectTerminatedAsync(listener, SpecExtensions.Deadline);
        await this.Eventually(() => _provider.IsDisposed);
    }

    [Fact]
    public async Task A_connection_that_fails_is_closed_with_our_fault_and_the_others_stay()
    {
        var edge = new MemoryEdge();
        var table = _census.Add("connections", 10);
        var actors = CreateTestProbe();
        var listener = Sys.ActorOf(QuicListenerActor.Props(
            edge.Provider, MemoryEdge.Listen with { EndPoint = new(System.Net.IPAddress.Loopback, 12345) },
            connection => Props.Create(() => new Failing(connection, actors)), table,
            new GatewayMetrics(_meters, _census)));
        await this.Handled(listener);
        List<TestPeer> peers = [];
        List<IActorRef> children = [];
        for (var i = 0; i < 2; i++)
        {
            peers.Add(await Dial());
            children.Add(await actors.ExpectMsgAsync<IActorRef>(SpecExtensions.Deadline));
        }

        Assert.Equal(2, table.Size);

        await EventFilter.Error("A connection failed and was closed").ExpectAsync(1, () =>
        {
            children[0].Tell("fail");
            return Task.CompletedTask;
        });
        await this.Eventually(() => table.Size == 1);
        Assert.Equal(DisconnectReason.InternalError, await peers[0].Closed());
        Assert.False(peers[1].Connection.Closed.IsCompleted);

        await this.End(listener);
        Assert.Equal(0, table.Size);

        async Task<TestPeer> Dial()
        {
            TestPeer? peer = null;
            while (peer is null)
            {
                try
                {
                    peer = await edge.Connect(new(System.Net.IPAddress.Loopback, 12345));
                }
                catch (QuicTransportException)
                {
                    await this.Handled(listener); // not bound yet
                }
            }

            return peer;
        }
    }

    [Fact]
    public async Task A_connection_that_it_fails_at_is_turned_away_and_not_counted_and_the_next_is_welcome()
    {
        var edge = new MemoryEdge();
        var table = _census.Add("connections", 10);
        var (actors, failed) = (CreateTestProbe(), false);
        var listener = QuicListenerActor.Props(
            edge.Provider, MemoryEdge.Listen with { EndPoint = new(System.Net.IPAddress.Loopback, 12346) },
            connection =>
            {
                if (failed) return Props.Create(() => new Failing(connection, actors));
                failed = true;
                throw new InvalidOperationException("on purpose");
            },
            table, new GatewayMetrics(_meters, _census));
        var parent = Sys.ActorOf(Props.Create(() => new Resuming(listener)));
        await this.Handled(parent); // which has its child by then
        await this.Handled(await new ActorSelection(parent, "listener").ResolveOne(SpecExtensions.Deadline));

        var refused = await edge.Connect(new(System.Net.IPAddress.Loopback, 12346));
        Assert.Equal(DisconnectReason.InternalError, await refused.Closed());
        await edge.Connect(new(System.Net.IPAddress.Loopback, 12346));
        await actors.ExpectMsgAsync<IActorRef>(SpecExtensions.Deadline);
        await this.Eventually(() => table.Size == 1 && _meters.Total("macula.connections.accepted") == 1);
    }

    private async Task<IActorRef> Start()
    {
        _provider.Listening.SetResult(_provider);
        var listener = Sys.ActorOf(Parent());
        await this.Handled(listener);
        return listener;
    }

    private Props Parent() => QuicListenerActor.Props(
        _provider, MemoryEdge.Listen, _ => throw new NotSupportedException(), _census.Add("connections", 10),
        new GatewayMetrics(_meters, _census));

    private sealed class Failing : ReceiveActor
    {
        private readonly IQuicConnection _connection;

        public Failing(IQuicConnection connection, IActorRef tell)
        {
            _connection = connection;
            tell.Tell(Self);
            ReceiveAny(_ => throw new InvalidOperationException("on purpose"));
        }

        protected override void PostStop() => _connection.Abort(DisconnectReason.InternalError.Code());
    }

    /// <summary>As the gateway does it.</summary>
    private sealed class Resuming : ReceiveActor
    {
        public Resuming(Props child)
        {
            Context.ActorOf(child, "listener");
            ReceiveAny(_ => { });
        }

        protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Resume);
    }

    /// <summary>A provider and its one listener, in the hands of the spec.</summary>
    private sealed class FakeProvider : IQuicProvider, IQuicListener
    {
        private int _accepts;

        public TaskCompletionSource<IQuicListener> Listening { get; set; } = new();

        public TaskCompletionSource<IQuicConnection> Accepting { get; set; } = new();

        public int Accepts => Volatile.Read(ref _accepts);

        public bool IsDisposed { get; private set; }

        public string Name => "fake";

        public QuicSupport Support => new(true, "");

        public System.Net.IPEndPoint LocalEndPoint { get; } = new(System.Net.IPAddress.Loopback, 1);

        public async ValueTask<IQuicListener> ListenAsync(
            QuicListenOptions options, CancellationToken cancellationToken = default) => await Listening.Task;

        public ValueTask<IQuicConnection> ConnectAsync(
            QuicConnectOptions options, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public async ValueTask<IQuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
        {
            var accepting = Accepting; // before it counts: the spec replaces it as soon as it has seen the count
            Interlocked.Increment(ref _accepts);
            return await accepting.Task;
        }

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
