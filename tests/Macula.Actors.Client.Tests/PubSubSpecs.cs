using System.Text;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;

namespace Macula.Actors.Client.Tests;

public sealed class PubSubSpecs : IAsyncLifetime
{
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    [Trait("Defect", "D17")]
    public async Task A_publication_carries_what_was_given()
    {
        var (client, session) = await _gateway.ConnectAsync();

        await client.PublishAsync("room.1", new byte[] { 1, 2 }, qos: 1, retain: true);
        await client.PublishJsonAsync("room.2", new { on = true });

        var first = await session.ExpectAsync<PublishMessage>();
        Assert.Equal("room.1", first.Topic.ToString());
        Assert.Equal([1, 2], first.Payload.ToArray());
        Assert.Equal((1, true), (first.Qos, first.Retain));
        var second = await session.ExpectAsync<PublishMessage>();
        Assert.Equal("""{"on":true}""", Encoding.UTF8.GetString(second.Payload.Span));
        Assert.Equal(16, second.MessageId.Length);
        Assert.NotEqual(first.MessageId, second.MessageId);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task A_qos_1_publication_is_done_when_the_gateway_has_it()
    {
        var (client, session) = await _gateway.ConnectAsync();
        session.AnswersPings = false;

        var publishing = client.PublishAsync("a", "b", qos: 1);
        await session.ExpectAsync<PublishMessage>();
        var ping = await session.ExpectAsync<PingMessage>();
        Assert.False(publishing.IsCompleted);

        await session.SendAsync(new PongMessage(ping.Timestamp, 1));
        await publishing.WaitAsync(FakeGateway.Patience);
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D54")]
    public async Task A_qos_1_publication_is_sent_again_with_its_id_when_the_connection_was_lost()
    {
        var options = _gateway.Options with { ReconnectInitial = TimeSpan.FromMilliseconds(1) };
        var (client, session) = await _gateway.ConnectAsync(options);
        session.AnswersPings = false;
        var publishing = client.PublishAsync("a", "b", qos: 1);
        var first = await session.ExpectAsync<PublishMessage>();
        await session.ExpectAsync<PingMessage>();

        session.Abort();
        var next = await _gateway.AcceptAsync();

        Assert.Equal(first.MessageId, (await next.ExpectAsync<PublishMessage>()).MessageId);
        await publishing.WaitAsync(FakeGateway.Patience);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_publication_that_the_gateway_refuses_each_time_fails_with_its_reason()
    {
        var options = _gateway.Options with
        {
            ReconnectInitial = TimeSpan.FromMilliseconds(1),
            ConnectTimeout = TimeSpan.FromSeconds(3),
        };
        var (client, session) = await _gateway.ConnectAsync(options);
        session.AnswersPings = false;
        var publishing = client.PublishAsync("a", "b", qos: 1);
        await session.ExpectAsync<PublishMessage>();
        await session.RefuseAsync(DisconnectReason.FrameTooLarge);
        var next = await _gateway.AcceptUnansweredAsync();
        next.AnswersPings = false;
        await next.SendAsync(new PongMessage(1, 1));
        await next.ExpectAsync<PublishMessage>();

        var error = await Assert.ThrowsAsync<MaculaConnectionException>(
            () => publishing.WaitAsync(FakeGateway.Patience));

        Assert.Equal(("frame_too_large", "because FrameTooLarge"), (error.Code, error.Message));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_publication_that_was_sent_and_not_confirmed_is_not_said_to_be_not_sent()
    {
        var options = _gateway.Options with
        {
            ReconnectInitial = TimeSpan.FromHours(1),
            ReconnectMax = TimeSpan.FromHours(1),
            ConnectTimeout = TimeSpan.FromSeconds(2),
        };
        var (client, session) = await _gateway.ConnectAsync(options);
        session.AnswersPings = false;
        var publishing = client.PublishAsync("a", "b", qos: 1);
        await session.ExpectAsync<PublishMessage>();
        await session.ExpectAsync<PingMessage>();

        session.Abort();

        var error = await Assert.ThrowsAsync<MaculaConnectionException>(
            () => publishing.WaitAsync(FakeGateway.Patience));
        Assert.Equal("connection_lost", error.Code);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Beyond_the_bound_nothing_that_needs_a_confirmation_is_sent()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { MaxPendingCalls = 1 });
        session.AnswersPings = false;
        var publishing = client.PublishAsync("a", "b", qos: 1);
        await session.ExpectAsync<PublishMessage>();
        var ping = await session.ExpectAsync<PingMessage>();

        Func<Task>[] refused =
        [
            () => client.PublishAsync("a", "c", qos: 1),
            () => client.SubscribeAsync("a"),
            () => client.AdvertiseAsync("a", (_, _) => default),
            () => client.PingAsync(),
        ];
        foreach (var operation in refused)
        {
            var error = await Assert.ThrowsAsync<MaculaConnectionException>(operation);
            Assert.Equal("overloaded", error.Code);
        }

        await client.PublishAsync("last", "d");
        Assert.Equal("last", (await session.ExpectAsync<PublishMessage>()).Topic.ToString());
        session.AnswersPings = true;
        await session.SendAsync(new PongMessage(ping.Timestamp, 1));
        await publishing.WaitAsync(FakeGateway.Patience);
        await client.PingAsync();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_subscription_is_in_force_when_it_returns()
    {
        var (client, session) = await _gateway.ConnectAsync();
        session.AnswersPings = false;

        var subscribing = client.SubscribeAsync("room.*");
        var subscribe = await session.ExpectAsync<SubscribeMessage>();
        var ping = await session.ExpectAsync<PingMessage>();
        Assert.Equal("room.*", Assert.Single(subscribe.Topics).ToString());
        Assert.False(subscribing.IsCompleted);

        await session.SendAsync(new PongMessage(ping.Timestamp, 1));
        await subscribing.WaitAsync(FakeGateway.Patience);
        session.AnswersPings = true;
        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D16")]
    public async Task One_frame_reaches_every_subscription_that_matches_and_no_other()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var all = await client.SubscribeAsync("**");
        var room = await client.SubscribeAsync("room.*");
        var exact = await client.SubscribeAsync("room.1");
        var other = await client.SubscribeAsync("hall.*");

        await session.SendAsync(Publication("room.1", "x"));
        await session.SendAsync(Publication("hall.1", "y"));

        Assert.Equal(["room.1", "hall.1"], await TopicsAsync(all, 2));
        Assert.Equal(["room.1"], await TopicsAsync(room, 1));
        Assert.Equal(["room.1"], await TopicsAsync(exact, 1));
        Assert.Equal(["hall.1"], await TopicsAsync(other, 1));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_message_has_all_that_was_published()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var subscription = await client.SubscribeAsync("a");
        var id = MessageId.FromCounter(7);
        await session.SendAsync(new PublishMessage("a", """{"n":5}"""u8.ToArray(), 2, true, id));

        await foreach (var message in subscription)
        {
            Assert.Equal(("a", 2, true, id), (message.Topic, message.Qos, message.Retain, message.MessageId));
            Assert.Equal("""{"n":5}""", message.Text);
            Assert.Equal(5, message.ReadJson<Dictionary<string, int>>()!["n"]);
            break;
        }

        await client.DisposeAsync();
    }

    [Fact]
    [Trait("Defect", "D25")]
    public async Task The_gateway_hears_of_the_first_subscription_to_a_pattern_and_the_end_of_the_last()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var one = await client.SubscribeAsync("a.*");
        await session.ExpectAsync<SubscribeMessage>();
        var two = await client.SubscribeAsync("a.*");

        await one.DisposeAsync();
        await client.PingAsync();
        Assert.False(session.HasFrames);

        await session.SendAsync(Publication("a.b", "x"));
        Assert.Equal(["a.b"], await TopicsAsync(two, 1)); // ends the enumeration, and with it the subscription

        var unsubscribe = await session.ExpectAsync<UnsubscribeMessage>();
        Assert.Equal("a.*", Assert.Single(unsubscribe.Topics).ToString());
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_slow_reader_loses_the_oldest_and_the_loss_is_counted()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { SubscriptionBuffer = 3 });
        var subscription = await client.SubscribeAsync("*");

        for (var i = 0; i < 10; i++) await session.SendAsync(Publication($"{i}", ""));
        await client.PingAsync();

        Assert.Equal(7, subscription.Dropped);
        Assert.Equal(7, client.Statistics.MessagesDropped);
        Assert.Equal(["7", "8", "9"], await TopicsAsync(subscription, 3));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_subscription_is_enumerated_once()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var subscription = await client.SubscribeAsync("a");
        await session.SendAsync(Publication("a", ""));
        await TopicsAsync(subscription, 1);

        await Assert.ThrowsAsync<InvalidOperationException>(() => TopicsAsync(subscription, 1));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Enumerations_end_when_the_client_is_disposed()
    {
        var (client, _) = await _gateway.ConnectAsync();
        var subscription = await client.SubscribeAsync("a");
        var reading = TopicsAsync(subscription, 1);

        await client.DisposeAsync();

        Assert.Empty(await reading.WaitAsync(FakeGateway.Patience));
    }

    [Fact]
    public async Task Enumerations_throw_when_the_client_was_sent_away_for_good()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var subscription = await client.SubscribeAsync("a");
        var reading = TopicsAsync(subscription, 1);

        await session.RefuseAsync(DisconnectReason.SessionSuperseded);

        var refused = await Assert.ThrowsAsync<MaculaRefusedException>(
            () => reading.WaitAsync(FakeGateway.Patience));
        Assert.Equal("session_superseded", refused.Reason);
        await client.Closed.WaitAsync(FakeGateway.Patience);
        Assert.Same(refused, client.CloseReason);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task What_is_too_large_is_refused_here()
    {
        var (client, session) = await _gateway.ConnectAsync(_gateway.Options with { MaxFrameSize = 2000 });

        var error = await Assert.ThrowsAsync<MaculaConnectionException>(
            () => client.PublishAsync("a", new byte[2000]));
        await client.PublishAsync("a", new byte[1900]);

        Assert.Equal("frame_too_large", error.Code);
        Assert.Equal(1900, (await session.ExpectAsync<PublishMessage>()).Payload.Length);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Patterns_and_offers_that_are_too_large_are_refused_here_and_not_kept()
    {
        var options = _gateway.Options with { MaxFrameSize = 2000, ReconnectInitial = TimeSpan.FromMilliseconds(1) };
        var (client, session) = await _gateway.ConnectAsync(options);
        var large = new string('x', 2000);

        var pattern = await Assert.ThrowsAsync<MaculaConnectionException>(() => client.SubscribeAsync(large));
        var offer = await Assert.ThrowsAsync<MaculaConnectionException>(() => client.AdvertiseAsync(
            "echo", (_, _) => default,
            new MaculaAdvertiseOptions { Metadata = new Dictionary<string, string> { ["a"] = large } }));
        await client.SubscribeAsync("last");

        Assert.Equal(("frame_too_large", "frame_too_large"), (pattern.Code, offer.Code));
        await session.ExpectAsync<SubscribeMessage>();
        Assert.False(session.HasFrames);
        session.Abort();
        session = await _gateway.AcceptAsync();
        Assert.Equal("last", Assert.Single((await session.ExpectAsync<SubscribeMessage>()).Topics).ToString());
        await client.AdvertiseAsync("echo", (_, _) => default);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task What_is_restored_fits_into_frames()
    {
        var options = _gateway.Options with { MaxFrameSize = 2000, ReconnectInitial = TimeSpan.FromMilliseconds(1) };
        var (client, session) = await _gateway.ConnectAsync(options);
        var patterns = Enumerable.Range(1, 10).Select(i => new string((char)('a' + i), 900)).ToArray();
        foreach (var pattern in patterns) await client.SubscribeAsync(pattern);

        session.Abort();
        session = await _gateway.AcceptAsync();

        List<string> restored = [];
        while (restored.Count < patterns.Length)
        {
            var subscribe = await session.ExpectAsync<SubscribeMessage>();
            Assert.InRange(subscribe.ToFrame().Length, 1, 2000);
            restored.AddRange(subscribe.Topics.Select(topic => topic.ToString()));
        }

        Assert.Equal(patterns, restored.Order());
        await client.DisposeAsync();
    }

    [Theory]
    [Trait("Defect", "D58")]
    [InlineData(-1)]
    [InlineData(3)]
    public async Task A_qos_that_there_is_not_is_refused_here(int qos)
    {
        var (client, session) = await _gateway.ConnectAsync();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => client.PublishAsync("a", "b", qos));

        await client.PingAsync();
        Assert.False(session.HasFrames);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_large_message_passes_in_both_directions()
    {
        var (client, session) = await _gateway.ConnectAsync();
        var subscription = await client.SubscribeAsync("a");
        await session.ExpectAsync<SubscribeMessage>();
        var payload = new byte[1024 * 1024 - 1000];
        Random.Shared.NextBytes(payload);

        await client.PublishAsync("a", payload);
        var sent = await session.ExpectAsync<PublishMessage>();
        await session.SendAsync(sent);

        await foreach (var message in subscription)
        {
            Assert.True(payload.AsSpan().SequenceEqual(message.Payload.Span));
            break;
        }

        await client.DisposeAsync();
    }

    private static PublishMessage Publication(string topic, string text) =>
        new(topic, Encoding.UTF8.GetBytes(text), 0, false, MessageId.FromCounter(1));

    private static async Task<List<string>> TopicsAsync(MaculaSubscription subscription, int count)
    {
        List<string> topics = [];
        await foreach (var message in subscription)
        {
            topics.Add(message.Topic);
            if (topics.Count == count) break;
        }

        return topics;
    }
}
