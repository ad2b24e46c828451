using System.Security.Cryptography;
using System.Threading.Channels;
using Macula.Actors.Client.Internal;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Client.Tests;

public sealed class AdvertiseSpecs : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync(_time);

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    public async Task An_offer_is_stored_under_the_hash_of_its_name()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { Endpoint = "https://me:1" });
        await client.AdvertiseAsync("add", Echo, new MaculaAdvertiseOptions
        {
            Ttl = TimeSpan.FromSeconds(60),
            Metadata = new Dictionary<string, string> { ["unit"] = "°C" },
        });

        var store = await session.ExpectAsync<StoreMessage>();

        Assert.Equal(SHA256.HashData("add"u8), store.Key.ToArray());
        Assert.True(ServiceRecord.TryDecode(store.Value, out var record, out _));
        Assert.Equal(("tester", "https://me:1", 60, "add"),
            (record.NodeId.ToString(), record.Endpoint.ToString(), record.Ttl, record.Procedure.ToString()));
        Assert.Contains(
            Convert.ToHexString("°C"u8), record.Metadata.ToString(), StringComparison.OrdinalIgnoreCase);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D11")]
    public async Task Calls_are_handled_and_answered()
    {
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("echo", Echo);
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("echo", 1, "hello"));

        var reply = await session.ExpectAsync<ReplyMessage>();
        Assert.Equal(CallId.FromCounter(1), reply.CallId);
        Assert.Equal("hello"u8.ToArray(), reply.Result.ToArray());
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_handler_sees_the_call()
    {
        MaculaCall? seen = null;
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("echo", (call, _) =>
        {
            seen = call;
            return ValueTask.FromResult(call.Args);
        });
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("echo", 1, "5") with { Timeout = 700 });
        await session.ExpectAsync<ReplyMessage>();

        Assert.Equal(("echo", 5, TimeSpan.FromSeconds(0.7)), (seen!.Procedure, seen.ReadJson<int>(), seen.Timeout));
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D15")]
    [Trait("Defect", "D62")]
    public async Task What_a_handler_throws_stays_inside_unless_meant_for_the_caller()
    {
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("bad", (_, _) => throw new InvalidOperationException("secret"));
        await client.AdvertiseAsync("sad", (_, _) => throw new MaculaCallException("out_of_stock", "no more"));
        await session.ExpectAsync<StoreMessage>();
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("bad", 1));
        var bad = await session.ExpectAsync<ReplyMessage>();
        await session.SendAsync(Call("sad", 2));
        var sad = await session.ExpectAsync<ReplyMessage>();

        Assert.Equal(("handler_error", "the handler failed"), Error(bad));
        Assert.Equal(("out_of_stock", "no more"), Error(sad));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_call_of_what_is_not_offered_is_answered_so()
    {
        var (client, session) = await _gateway.ConnectAsync();

        await session.SendAsync(Call("what", 1));

        Assert.Equal("no_such_procedure", Error(await session.ExpectAsync<ReplyMessage>()).Code);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Beyond_the_bound_calls_are_answered_overloaded()
    {
        var gate = new TaskCompletionSource<ReadOnlyMemory<byte>>();
        var (client, session) = await _gateway.ConnectAsync();
        var offer = await client.AdvertiseAsync(
            "slow", (_, _) => new ValueTask<ReadOnlyMemory<byte>>(gate.Task),
            new MaculaAdvertiseOptions { MaxConcurrency = 2 });
        await session.ExpectAsync<StoreMessage>();

        for (var i = 1; i <= 3; i++) await session.SendAsync(Call("slow", i));

        var refused = await session.ExpectAsync<ReplyMessage>();
        Assert.Equal((CallId.FromCounter(3), "overloaded"), (refused.CallId, Error(refused).Code));
        Assert.Equal((2, 1), (offer.Running, client.Statistics.CallsRefused));
        gate.SetResult(default);
        Assert.True((await session.ExpectAsync<ReplyMessage>()).IsSuccess);
        Assert.True((await session.ExpectAsync<ReplyMessage>()).IsSuccess);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D45")]
    public async Task A_slow_handler_does_not_hold_up_the_connection()
    {
        var gate = new TaskCompletionSource<ReadOnlyMemory<byte>>();
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("slow", (_, _) => new ValueTask<ReadOnlyMemory<byte>>(gate.Task));
        await client.AdvertiseAsync("echo", Echo);
        await session.ExpectAsync<StoreMessage>();
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("slow", 1));
        await session.SendAsync(Call("echo", 2));

        Assert.Equal(CallId.FromCounter(2), (await session.ExpectAsync<ReplyMessage>()).CallId);
        gate.SetResult(default);
        Assert.Equal(CallId.FromCounter(1), (await session.ExpectAsync<ReplyMessage>()).CallId);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Cancel_reaches_the_handler_and_nothing_is_answered()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var running = new TaskCompletionSource<CancellationToken>();
        var offer = await client.AdvertiseAsync("slow", async (_, token) =>
        {
            running.SetResult(token);
            await new TaskCompletionSource().Task.WaitAsync(token);
            return default;
        });
        await session.ExpectAsync<StoreMessage>();
        await session.SendAsync(Call("slow", 1));
        var token = await running.Task.WaitAsync(FakeGateway.Patience);

        await session.SendAsync(new CancelMessage(CallId.FromCounter(1)));

        var cancelled = new TaskCompletionSource();
        await using var registration = token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(FakeGateway.Patience);
        await offer.DisposeAsync(); // waits for the handler
        await session.ExpectAsync<StoreMessage>();
        Assert.False(session.HasFrames);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task At_the_callers_deadline_the_handler_is_cancelled_and_the_answer_is_timeout()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var running = new TaskCompletionSource();
        await client.AdvertiseAsync("slow", async (_, token) =>
        {
            running.SetResult();
            await new TaskCompletionSource().Task.WaitAsync(token);
            return default;
        });
        await session.ExpectAsync<StoreMessage>();
        await session.SendAsync(Call("slow", 1) with { Timeout = 1000 });
        await running.Task.WaitAsync(FakeGateway.Patience);

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("timeout", Error(await session.ExpectAsync<ReplyMessage>()).Code);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Handlers_are_cancelled_when_the_connection_is_lost()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var cancelled = new TaskCompletionSource();
        await client.AdvertiseAsync("slow", async (_, token) =>
        {
            await using var registration = token.Register(cancelled.SetResult);
            session.Abort();
            await cancelled.Task;
            return default;
        });
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("slow", 1));

        await cancelled.Task.WaitAsync(FakeGateway.Patience);
        await client.DisposeAsync();
    }

    public enum End
    {
        ByCaller,
        ByDeadline,
        OfSession,
    }

    [Theory]
    [InlineData(End.ByCaller)]
    [InlineData(End.ByDeadline)]
    [InlineData(End.OfSession)]
    public async Task A_handlers_callback_that_throws_when_it_is_cancelled_is_logged_and_harms_nothing(End end)
    {
        var log = new Failures();
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { LoggerFactory = log });
        var running = new TaskCompletionSource();
        await client.AdvertiseAsync("slow", async (_, token) =>
        {
            token.Register(() => throw new InvalidOperationException("a callback's fault"));
            running.SetResult();
            await new TaskCompletionSource().Task.WaitAsync(token);
            return default;
        });
        await session.ExpectAsync<StoreMessage>();
        await session.SendAsync(Call("slow", 1) with { Timeout = 1000 });
        await running.Task.WaitAsync(FakeGateway.Patience);

        if (end == End.ByCaller) await session.SendAsync(new CancelMessage(CallId.FromCounter(1)));
        if (end == End.ByDeadline) _time.Advance(TimeSpan.FromSeconds(1));
        if (end == End.OfSession)
        {
            session.Abort();
            var accepting = _gateway.AcceptAsync();
            await _time.PassUntilAsync(accepting);
            await (await accepting).ExpectAsync<StoreMessage>();
        }

        var failure = await log.NextAsync().WaitAsync(FakeGateway.Patience);
        Assert.Contains("a callback's fault", failure.ToString(), StringComparison.Ordinal);
        await client.PingAsync();
        Assert.Equal(MaculaClientState.Connected, client.State);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_call_that_begins_when_its_session_has_ended_is_cancelled()
    {
        var calls = new ServedCalls(_time, NullLogger.Instance);
        calls.CancelAll();

        using var call = calls.TryBegin(CallId.FromCounter(1), "echo", timeout: null);

        var cancelled = new TaskCompletionSource();
        await using var registration = call!.Token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(FakeGateway.Patience);
    }

    [Fact]
    [Trait("Defect", "D22")]
    public async Task An_offer_is_renewed_before_half_its_lifetime_is_over()
    {
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("echo", Echo, new MaculaAdvertiseOptions { Ttl = TimeSpan.FromSeconds(100) });
        await session.ExpectAsync<StoreMessage>();

        for (var i = 0; i < 3; i++)
        {
            var renewal = session.ExpectAsync<StoreMessage>();
            var took = await _time.PassUntilAsync(renewal, TimeSpan.FromMilliseconds(250));
            Assert.InRange(took, TimeSpan.FromSeconds(35), TimeSpan.FromSeconds(70));
        }

        await client.DisposeAsync();
    }

    [Fact]
    public async Task An_offer_is_renewed_before_a_gateway_drops_it_that_keeps_offers_for_less_time()
    {
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("echo", Echo, new MaculaAdvertiseOptions { Ttl = TimeSpan.FromHours(1) });
        await session.ExpectAsync<StoreMessage>();

        _time.Advance(TimeSpan.FromSeconds(150));

        var renewal = await session.ExpectAsync<StoreMessage>();
        Assert.True(ServiceRecord.TryDecode(renewal.Value, out var record, out _));
        Assert.Equal(3600, record.Ttl);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D24")]
    public async Task An_offer_of_the_shortest_lifetime_is_renewed_before_half_of_it_is_over()
    {
        var (client, session) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("echo", Echo, new MaculaAdvertiseOptions { Ttl = TimeSpan.FromSeconds(1) });
        await session.ExpectAsync<StoreMessage>();
        _time.Advance(TimeSpan.FromMilliseconds(390));
        await client.PingAsync();
        Assert.False(session.HasFrames);

        _time.Advance(TimeSpan.FromMilliseconds(110));

        await session.ExpectAsync<StoreMessage>();
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D24")]
    public async Task An_offer_that_is_made_again_is_renewed_once_each_time()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var options = new MaculaAdvertiseOptions { Ttl = TimeSpan.FromSeconds(10) };
        await (await client.AdvertiseAsync("echo", Echo, options)).DisposeAsync();
        await client.AdvertiseAsync("echo", Echo, options);
        for (var i = 0; i < 3; i++) await session.ExpectAsync<StoreMessage>();

        _time.Advance(TimeSpan.FromSeconds(5));

        await session.ExpectAsync<StoreMessage>();
        await client.PingAsync();
        Assert.False(session.HasFrames);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D23")]
    public async Task A_renewal_goes_to_the_gateway_and_says_all_that_the_offer_said()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { Endpoint = "https://me:1" });
        await client.AdvertiseAsync("echo", Echo, new MaculaAdvertiseOptions
        {
            Ttl = TimeSpan.FromSeconds(60),
            Metadata = new Dictionary<string, string> { ["unit"] = "m" },
        });
        var offer = await session.ExpectAsync<StoreMessage>();

        _time.Advance(TimeSpan.FromSeconds(30));

        var renewal = await session.ExpectAsync<StoreMessage>();
        Assert.Equal(offer.Key.ToArray(), renewal.Key.ToArray());
        Assert.Equal(offer.Value, renewal.Value);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D25")]
    [Trait("Defect", "D18")]
    public async Task Disposing_an_offer_withdraws_it_with_a_lifetime_of_zero_and_ends_renewals()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var offer = await client.AdvertiseAsync("echo", Echo);
        await session.ExpectAsync<StoreMessage>();

        await offer.DisposeAsync();
        await offer.DisposeAsync();

        var store = await session.ExpectAsync<StoreMessage>();
        Assert.True(ServiceRecord.TryDecode(store.Value, out var record, out _));
        Assert.Equal(0, record.Ttl);
        for (var i = 0; i < 40; i++) _time.Advance(TimeSpan.FromSeconds(10));
        await client.PingAsync();
        Assert.False(session.HasFrames);
        await client.AdvertiseAsync("echo", Echo); // the name is free again
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Disposing_an_offer_waits_for_the_calls_that_run()
    {
        var gate = new TaskCompletionSource<ReadOnlyMemory<byte>>();
        var (client, session) = await _gateway.ConnectAsync();
        var offer = await client.AdvertiseAsync("slow", (_, _) => new ValueTask<ReadOnlyMemory<byte>>(gate.Task));
        await session.ExpectAsync<StoreMessage>();
        await session.SendAsync(Call("slow", 1));
        await client.PingAsync();

        var disposing = offer.DisposeAsync().AsTask();
        await session.ExpectAsync<StoreMessage>();
        await client.PingAsync();
        Assert.False(disposing.IsCompleted);
        gate.SetResult("done"u8.ToArray());

        await disposing.WaitAsync(FakeGateway.Patience);
        Assert.Equal("done"u8.ToArray(), (await session.ExpectAsync<ReplyMessage>()).Result.ToArray());
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_procedure_is_offered_once()
    {
        var (client, _) = await _gateway.ConnectAsync();
        await client.AdvertiseAsync("echo", Echo);

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.AdvertiseAsync("echo", Echo));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_result_that_makes_too_large_a_frame_is_an_error()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { MaxFrameSize = 2000 });
        await client.AdvertiseAsync("big", (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[2000]));
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("big", 1));

        Assert.Equal("handler_error", Error(await session.ExpectAsync<ReplyMessage>()).Code);
        await client.DisposeAsync();
    }

    [Theory]
    [InlineData(1024 * 1024, 1023)] // the next would be the first half of a pair
    [InlineData(1024, 127)]
    public async Task An_error_that_makes_too_large_a_frame_is_cut(int maxFrameSize, int kept)
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { MaxFrameSize = maxFrameSize });
        var message = "-" + string.Concat(Enumerable.Repeat("😀", 1_000_000));
        await client.AdvertiseAsync("bad", (_, _) => throw new MaculaCallException(new string('é', 1000), message));
        await session.ExpectAsync<StoreMessage>();

        await session.SendAsync(Call("bad", 1));

        var reply = await session.ExpectAsync<ReplyMessage>();
        Assert.Equal((new string('é', 128), message[..kept]), Error(reply));
        Assert.InRange(reply.ToFrame().Length, 1, maxFrameSize);
        await client.DisposeAsync();
    }

    /// <summary>The exceptions that are logged.</summary>
    private sealed class Failures : ILoggerFactory, ILogger
    {
        private readonly Channel<Exception> _failures = Channel.CreateUnbounded<Exception>();

        public Task<Exception> NextAsync() => _failures.Reader.ReadAsync().AsTask();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (exception is not null) _failures.Writer.TryWrite(exception);
        }

        public void Dispose()
        {
        }
    }

    private static ValueTask<ReadOnlyMemory<byte>> Echo(MaculaCall call, CancellationToken token) =>
        ValueTask.FromResult(call.Args);

    private static CallMessage Call(string procedure, int id, string args = "") =>
        new(procedure, System.Text.Encoding.UTF8.GetBytes(args), CallId.FromCounter((UInt128)id));

    private static (string Code, string Message) Error(ReplyMessage reply) =>
        (reply.Error!.Value.Code.ToString(), reply.Error.Value.Message.ToString());
}
