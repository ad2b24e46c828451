using Macula.Actors.Protocol;
using Macula.Actors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Client.Tests;

public sealed class CallSpecs : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync(_time);

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    [Trait("Defect", "D16")]
    public async Task A_call_gets_the_answer_to_its_id()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var one = client.CallAsync("add", "[1,2]"u8.ToArray());
        var two = client.CallJsonAsync<int[], int>("add", [3, 4]);
        var first = await session.ExpectAsync<CallMessage>();
        var second = await session.ExpectAsync<CallMessage>();
        Assert.Equal("add", first.Procedure.ToString());
        Assert.Equal("[1,2]"u8.ToArray(), first.Args.ToArray());
        Assert.Equal(5000, first.Timeout);
        Assert.Equal(16, first.CallId.Length);
        Assert.NotEqual(first.CallId, second.CallId);

        await session.SendAsync(new ReplyMessage(second.CallId, "7"u8.ToArray()));
        await session.SendAsync(new ReplyMessage(first.CallId, "3"u8.ToArray()));

        Assert.Equal("3"u8.ToArray(), (await one.WaitAsync(FakeGateway.Patience)).ToArray());
        Assert.Equal(7, await two.WaitAsync(FakeGateway.Patience));
        Assert.Equal(0, client.Statistics.PendingCalls);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D53")]
    public async Task Ids_of_one_client_are_not_those_of_another_or_of_a_later_one()
    {
        List<CallId> calls = [];
        List<MessageId> messages = [];
        for (var i = 0; i < 3; i++)
        {
            var (client, session) = await _gateway.ConnectAsync();
            await client.PublishAsync("a", "b");
            messages.Add((await session.ExpectAsync<PublishMessage>()).MessageId);
            var calling = client.CallAsync("add", default);
            var call = await session.ExpectAsync<CallMessage>();
            calls.Add(call.CallId);
            await session.SendAsync(new ReplyMessage(call.CallId, default));
            await calling.WaitAsync(FakeGateway.Patience);
            await client.DisposeAsync();
        }

        Assert.Equal((3, 3), (calls.Distinct().Count(), messages.Distinct().Count()));
    }

    [Fact]
    public async Task An_error_comes_with_code_and_message()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var calling = client.CallAsync("add", default);
        var call = await session.ExpectAsync<CallMessage>();

        await session.SendAsync(ReplyMessage.Failed(call.CallId, "no_such_procedure", "nobody adds"));

        var error = await Assert.ThrowsAsync<MaculaCallException>(() => calling);
        Assert.Equal(("no_such_procedure", "nobody adds"), (error.Code, error.Message));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task At_its_deadline_a_call_fails_and_a_late_reply_is_counted()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var calling = client.CallAsync("add", default, TimeSpan.FromSeconds(2));
        var call = await session.ExpectAsync<CallMessage>();
        Assert.Equal(2000, call.Timeout);

        _time.Advance(TimeSpan.FromSeconds(1.999));
        await client.PingAsync();
        Assert.False(calling.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.001));

        var error = await Assert.ThrowsAsync<MaculaCallException>(() => calling);
        Assert.Equal("timeout", error.Code);
        await session.SendAsync(new ReplyMessage(call.CallId, default));
        await client.PingAsync();
        Assert.Equal((1, 0), (client.Statistics.LateReplies, client.Statistics.PendingCalls));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_cancelled_call_tells_the_gateway()
    {
        var (client, session) = await _gateway.ConnectAsync();
        using var giveUp = new CancellationTokenSource();
        var calling = client.CallAsync("add", default, cancellationToken: giveUp.Token);
        var call = await session.ExpectAsync<CallMessage>();

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling);
        Assert.Equal(call.CallId, (await session.ExpectAsync<CancelMessage>()).CallId);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_second_reply_to_a_call_is_late()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var calling = client.CallAsync("add", default);
        var call = await session.ExpectAsync<CallMessage>();

        await session.SendAsync(new ReplyMessage(call.CallId, "1"u8.ToArray()));
        await session.SendAsync(new ReplyMessage(call.CallId, "2"u8.ToArray()));
        await client.PingAsync();

        Assert.Equal("1"u8.ToArray(), (await calling).ToArray());
        Assert.Equal(1, client.Statistics.LateReplies);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Calls_in_flight_fail_at_once_when_the_connection_is_lost_and_are_not_repeated()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var one = client.CallAsync("add", default);
        var two = client.CallAsync("add", default);
        await session.ExpectAsync<CallMessage>();
        await session.ExpectAsync<CallMessage>();

        session.Abort();

        foreach (var call in (Task[])[one, two])
            Assert.Equal("connection_lost", (await Assert.ThrowsAsync<MaculaCallException>(() => call)).Code);
        var accepting = _gateway.AcceptAsync();
        await _time.PassUntilAsync(accepting);
        var next = await accepting;
        await client.PingAsync();
        Assert.False(next.HasFrames);
        Assert.Equal(0, client.Statistics.PendingCalls);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Beyond_the_bound_calls_fail_at_once()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { MaxPendingCalls = 2 });
        var one = client.CallAsync("add", default);
        _ = client.CallAsync("add", default);
        var call = await session.ExpectAsync<CallMessage>();

        var error = await Assert.ThrowsAsync<MaculaCallException>(() => client.CallAsync("add", default));
        Assert.Equal("overloaded", error.Code);

        await session.SendAsync(new ReplyMessage(call.CallId, default));
        await one;
        _ = client.CallAsync("more", default);
        await session.ExpectAsync<CallMessage>();
        Assert.Equal("more", (await session.ExpectAsync<CallMessage>()).Procedure.ToString());
        session.Abort();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Without_a_connection_a_call_waits_until_its_deadline()
    {
        var (client, session) = await _gateway.ConnectAsync(
            _gateway.Options with
            {
                ConnectTimeout = TimeSpan.FromSeconds(5),
                ReconnectInitial = TimeSpan.FromHours(1),
                ReconnectMax = TimeSpan.FromHours(1),
            });
        session.Abort();
        await session.Closed;
        await LostAsync(client);

        var calling = client.CallAsync("add", default, TimeSpan.FromSeconds(3));
        var publishing = client.PublishAsync("a", "b");
        var took = await _time.PassUntilAsync(calling);

        Assert.Equal("not_connected", (await Assert.ThrowsAsync<MaculaCallException>(() => calling)).Code);
        Assert.InRange(took, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4.9));
        await _time.PassUntilAsync(publishing);
        Assert.Equal(
            "not_connected", (await Assert.ThrowsAsync<MaculaConnectionException>(() => publishing)).Code);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Ping_measures_the_way_and_times_out()
    {
        var (client, session) = await _gateway.ConnectAsync();
        session.AnswersPings = false;
        var pinging = client.PingAsync();
        var ping = await session.ExpectAsync<PingMessage>();
        _time.Advance(TimeSpan.FromMilliseconds(30));
        await session.SendAsync(new PongMessage(ping.Timestamp, 1));
        Assert.Equal(TimeSpan.FromMilliseconds(30), await pinging);

        var unanswered = client.PingAsync();
        await session.ExpectAsync<PingMessage>();
        _time.Advance(TimeSpan.FromSeconds(5));

        var error = await Assert.ThrowsAsync<MaculaConnectionException>(() => unanswered);
        Assert.Equal("timeout", error.Code);
        await client.DisposeAsync();
    }

    private static async Task LostAsync(MaculaClient client)
    {
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        client.StateChanged += (_, change) =>
        {
            if (change.State != MaculaClientState.Connected) lost.TrySetResult();
        };
        if (client.State == MaculaClientState.Connected) await lost.Task.WaitAsync(FakeGateway.Patience);
    }
}
