using System.Collections.Concurrent;
using Macula.Actors.Client.Internal;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;
using Macula.Actors.Transport;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Client.Tests;

public sealed class ReconnectSpecs : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<MaculaStateChange> _changes = [];
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync(_time);

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    [Trait("Defect", "D49")]
    public async Task What_holds_is_told_to_the_next_session_before_anything_else()
    {
        var (client, session) = await ConnectAsync();
        await client.SubscribeAsync("a.*");
        await client.SubscribeAsync("b");
        await (await client.SubscribeAsync("gone")).DisposeAsync();
        await client.AdvertiseAsync("echo", Echo);
        await (await client.AdvertiseAsync("gone", Echo)).DisposeAsync();

        session.Abort();
        var next = await NextSessionAsync();

        var subscribe = await next.ExpectAsync<SubscribeMessage>();
        Assert.Equal(["a.*", "b"], subscribe.Topics.Select(topic => topic.ToString()).Order());
        var store = await next.ExpectAsync<StoreMessage>();
        Assert.Equal(DhtKey.ForName("echo").ToArray(), store.Key.ToArray());
        await client.PingAsync();
        Assert.False(next.HasFrames);
        Assert.Equal(
            [MaculaClientState.Reconnecting, MaculaClientState.Connected],
            _changes.Select(change => change.State));
        Assert.Equal(2, client.Statistics.Connections);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D49")]
    public async Task A_subscription_goes_on_after_a_reconnect()
    {
        var (client, session) = await ConnectAsync();
        var subscription = await client.SubscribeAsync("a");
        session.Abort();
        var next = await NextSessionAsync();
        await next.ExpectAsync<SubscribeMessage>();

        await next.SendAsync(new PublishMessage("a", "x"u8.ToArray(), 0, false, MessageId.FromCounter(1)));

        await foreach (var message in subscription)
        {
            Assert.Equal("x", message.Text);
            break;
        }

        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D49")]
    public async Task A_silent_gateway_is_noticed_by_the_idle_time_out()
    {
        var (client, session) = await ConnectAsync();
        _gateway.Network.Drop(session.Connection);

        var accepting = _gateway.AcceptAsync();
        var took = await _time.PassUntilAsync(accepting, TimeSpan.FromMilliseconds(100));

        Assert.InRange(took, TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(60));
        await client.PingAsync();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task What_the_gateway_asks_to_wait_is_waited()
    {
        var (client, session) = await ConnectAsync();

        await session.RefuseAsync(DisconnectReason.Draining, retryAfter: 7000);
        var accepting = _gateway.AcceptAsync();
        var took = await _time.PassUntilAsync(accepting);

        Assert.InRange(took, TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(15));
        await client.PingAsync();
        var lost = _changes.First();
        Assert.Equal("draining", Assert.IsType<MaculaRefusedException>(lost.Reason).Reason);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task What_one_server_asks_to_wait_is_not_waited_for_another()
    {
        await using var other = await FakeGateway.StartAsync(_time, _gateway.Network);
        var (client, session) = await ConnectAsync(
            _gateway.Options with { Server = $"{_gateway.Address},{other.Address}" });

        await session.RefuseAsync(DisconnectReason.Draining, retryAfter: 3_600_000);
        var accepting = other.AcceptAsync();
        var took = await _time.PassUntilAsync(accepting);

        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        await client.PingAsync();
        await client.DisposeAsync();
    }

    [Fact]
    public void Servers_come_in_turn_those_last_that_asked_to_be_left_alone()
    {
        var servers = new Servers("a, b, c", _time);
        Assert.Equal(("a", 0), Next());
        servers.LeaveAlone(TimeSpan.FromSeconds(30));
        Assert.Equal(("b", 0), Next());
        servers.LeaveAlone(TimeSpan.FromSeconds(20));
        Assert.Equal(("c", 0), Next());
        servers.LeaveAlone(null);
        Assert.Equal(("c", 0), Next());
        servers.LeaveAlone(TimeSpan.FromSeconds(25));

        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(("b", 15), Next());
        _time.Advance(TimeSpan.FromSeconds(25));
        Assert.Equal(("c", 0), Next());
        Assert.Equal(("a", 0), Next());

        (string Address, double Wait) Next()
        {
            var (address, wait) = servers.Next();
            return (address, wait.TotalSeconds);
        }
    }

    [Fact]
    public async Task Waits_grow_too_when_each_session_ends_at_once()
    {
        var options = _gateway.Options with
        {
            Random = new Most(),
            ReconnectInitial = TimeSpan.FromMilliseconds(200),
            ReconnectMax = TimeSpan.FromSeconds(100),
            IdleTimeout = TimeSpan.Zero,
        };
        var (client, session) = await ConnectAsync(options);
        for (var i = 0; i < 4; i++)
        {
            session.Abort();
            session = await NextSessionAsync();
            await UntilAsync(client, MaculaClientState.Connected);
        }

        session.Abort();
        var accepting = _gateway.AcceptAsync();
        var afterShortOnes = await _time.PassUntilAsync(accepting);
        await UntilAsync(client, MaculaClientState.Connected);
        _time.Advance(TimeSpan.FromSeconds(100));
        (await accepting).Abort();
        accepting = _gateway.AcceptAsync();
        var afterLongOne = await _time.PassUntilAsync(accepting);

        Assert.True(afterShortOnes >= TimeSpan.FromSeconds(3.19), $"{afterShortOnes}");
        Assert.True(afterLongOne < TimeSpan.FromSeconds(2), $"{afterLongOne}");
        await client.PingAsync();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_full_gateway_is_tried_again()
    {
        var (client, session) = await ConnectAsync();
        session.Abort();
        var refused = await NextUnansweredAsync();
        await refused.RefuseAsync(DisconnectReason.MaxClientsReached, retryAfter: 1000);

        await NextSessionAsync();

        await client.PingAsync();
        Assert.Equal(MaculaClientState.Connected, client.State);
        await client.DisposeAsync();
    }

    [Theory]
    [InlineData(DisconnectReason.WrongRealm)]
    [InlineData(DisconnectReason.SessionSuperseded)]
    [InlineData(DisconnectReason.NotAuthorized)]
    public async Task Some_refusals_are_final(DisconnectReason reason)
    {
        var (client, session) = await ConnectAsync();

        await session.RefuseAsync(reason);

        await client.Closed.WaitAsync(FakeGateway.Patience);
        Assert.Equal(reason.Text(), Assert.IsType<MaculaRefusedException>(client.CloseReason).Reason);
        Assert.Equal([MaculaClientState.Closed], _changes.Select(change => change.State));
        var error = await Assert.ThrowsAsync<MaculaConnectionException>(() => client.PublishAsync("a", "b"));
        Assert.Equal("closed", error.Code);
        Assert.Same(client.CloseReason, error.InnerException);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task After_the_allowed_attempts_the_client_gives_up()
    {
        var (client, session) = await ConnectAsync(_gateway.Options with { ReconnectAttempts = 3 });
        await _gateway.DisposeAsync();

        session.Abort();
        await _time.PassUntilAsync(client.Closed);

        Assert.Equal(MaculaErrorCodes.ConnectFailed, client.CloseReason!.Code);
        await client.DisposeAsync();
    }

    [Theory]
    [InlineData(QuicTransportError.InvalidConfiguration)]
    [InlineData(QuicTransportError.NotSupported)]
    public async Task What_this_machine_lacks_for_a_moment_is_not_the_end(QuicTransportError lack)
    {
        var provider = new Lacking(_gateway.Provider, lack);
        var (client, session) = await ConnectAsync(_gateway.Options with { Provider = provider });

        provider.IsLacking = true;
        session.Abort();
        await _time.PassUntilAsync(provider.Tried.Task);
        provider.IsLacking = false;

        await NextSessionAsync();
        await client.PingAsync();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Waits_grow_with_the_attempts_up_to_the_limit()
    {
        var options = new MaculaClientOptions { Random = new Most() };

        var waits = Enumerable.Range(0, 9).Select(attempt => BackOff.Delay(options, attempt, TimeSpan.Zero).TotalSeconds);
        Assert.Equal([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10], waits.Select(wait => Math.Round(wait, 3)));

        var asked = BackOff.Delay(options, 0, TimeSpan.FromSeconds(5));
        Assert.Equal(5.2, Math.Round(asked.TotalSeconds, 3));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Operations_wait_for_the_next_session()
    {
        var patient = TimeSpan.FromHours(1);
        var (client, session) = await ConnectAsync(
            _gateway.Options with { ConnectTimeout = patient, CallTimeout = patient });
        session.Abort();
        await UntilAsync(client, MaculaClientState.Reconnecting);
        var publishing = client.PublishAsync("a", "b");
        var calling = client.CallAsync("c", default);
        var subscribing = client.SubscribeAsync("d");

        var next = await NextSessionAsync();

        List<object?> frames = [await next.NextAsync(), await next.NextAsync(), await next.NextAsync()];
        Assert.Single(frames.OfType<PublishMessage>());
        Assert.Single(frames.OfType<SubscribeMessage>());
        var call = Assert.Single(frames.OfType<CallMessage>());
        await next.SendAsync(new ReplyMessage(call.CallId, default));
        await Task.WhenAll(publishing, calling, subscribing).WaitAsync(FakeGateway.Patience);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_client_can_be_disposed_while_it_reconnects()
    {
        var (client, session) = await ConnectAsync();
        session.Abort();
        await UntilAsync(client, MaculaClientState.Reconnecting);
        var calling = client.CallAsync("c", default);

        await client.DisposeAsync().AsTask().WaitAsync(FakeGateway.Patience);

        Assert.Equal("closed", (await Assert.ThrowsAsync<MaculaCallException>(() => calling)).Code);
        Assert.Equal(MaculaClientState.Closed, client.State);
    }

    [Fact]
    public async Task A_gateway_that_falls_silent_while_it_is_restored_is_left()
    {
        var (client, session) = await ConnectAsync(
            _gateway.Options with { ConnectTimeout = TimeSpan.FromSeconds(10) });
        await client.SubscribeAsync("a");
        session.Abort();
        var silent = await NextUnansweredAsync();
        silent.AnswersPings = false;
        await silent.SendAsync(new PongMessage(1, 1));

        var next = await NextSessionAsync();

        await next.ExpectAsync<SubscribeMessage>();
        await client.PingAsync();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_stream_out_of_step_is_a_lost_connection()
    {
        var (client, session) = await ConnectAsync();
        await session.SendRawAsync(new byte[] { 9, 9, 9 });

        await NextSessionAsync();

        await client.PingAsync();
        Assert.Contains("out of step", _changes.First().Reason!.Message, StringComparison.Ordinal);
        await client.DisposeAsync();
    }

    [Theory]
    [Trait("Defect", "D48")]
    [InlineData(0x00, 0x20)] // 2 MiB, twice the limit
    [InlineData(0xff, 0xff)] // 4 GiB
    public async Task A_frame_above_the_limit_is_a_lost_connection_on_its_header_alone(byte first, byte second)
    {
        var (client, session) = await ConnectAsync();
        await session.SendRawAsync(new byte[] { 1, 0x10, 0, 0, first, second, 0, 0 });

        await NextSessionAsync();

        await client.PingAsync();
        Assert.Equal(
            [MaculaClientState.Reconnecting, MaculaClientState.Connected], _changes.Select(change => change.State));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task An_observer_that_throws_does_no_harm()
    {
        var (client, session) = await ConnectAsync();
        client.StateChanged += (_, _) => throw new InvalidOperationException("an observer's fault");
        session.Abort();

        await NextSessionAsync();

        await client.PingAsync();
        await client.DisposeAsync();
    }

    private static ValueTask<ReadOnlyMemory<byte>> Echo(MaculaCall call, CancellationToken token) =>
        ValueTask.FromResult(call.Args);

    private async Task<(MaculaClient Client, FakeSession Session)> ConnectAsync(MaculaClientOptions? options = null)
    {
        var (client, session) = await _gateway.ConnectAsync(options);
        client.StateChanged += (_, change) => _changes.Enqueue(change);
        return (client, session);
    }

    private async Task<FakeSession> NextSessionAsync()
    {
        var accepting = _gateway.AcceptAsync();
        await _time.PassUntilAsync(accepting);
        return await accepting;
    }

    private async Task<FakeSession> NextUnansweredAsync()
    {
        var accepting = _gateway.AcceptUnansweredAsync();
        await _time.PassUntilAsync(accepting);
        return await accepting;
    }

    private static async Task UntilAsync(MaculaClient client, MaculaClientState state)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        client.StateChanged += (_, change) =>
        {
            if (change.State == state) reached.TrySetResult();
        };
        if (client.State != state) await reached.Task.WaitAsync(FakeGateway.Patience);
    }

    /// <summary>A QUIC that cannot connect for a while.</summary>
    private sealed class Lacking(IQuicProvider inner, QuicTransportError lack) : IQuicProvider
    {
        public bool IsLacking { get; set; }

        public TaskCompletionSource Tried { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Name => inner.Name;

        public QuicSupport Support => inner.Support;

        public ValueTask<IQuicListener> ListenAsync(
            QuicListenOptions options, CancellationToken cancellationToken = default) =>
            inner.ListenAsync(options, cancellationToken);

        public ValueTask<IQuicConnection> ConnectAsync(
            QuicConnectOptions options, CancellationToken cancellationToken = default)
        {
            if (!IsLacking) return inner.ConnectAsync(options, cancellationToken);

            Tried.TrySetResult();
            throw new QuicTransportException(lack, "too many open files");
        }
    }

    private sealed class Most : Random
    {
        public override double NextDouble() => 1 - 1e-9;
    }
}
