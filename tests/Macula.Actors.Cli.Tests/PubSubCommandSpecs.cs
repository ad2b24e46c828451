using System.Text;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;

namespace Macula.Actors.Cli.Tests;

public sealed class PubSubCommandSpecs : IAsyncLifetime
{
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    public async Task Sub_prints_topic_and_text_until_the_count_is_reached()
    {
        await using var tool = Tool.Start(_gateway, "sub", "home.*", "--count", "2");
        var session = await SubscribedAsync(1);

        await session.SendAsync(Publication("home.door", "open"));
        Assert.Equal("home.door open", await tool.LineAsync());
        await session.SendAsync(Publication("home.temp", "21.5"));
        Assert.Equal("home.temp 21.5", await tool.LineAsync());

        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        Assert.Contains("subscribed to home.*", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sub_prints_a_message_once_however_many_patterns_mean_it()
    {
        await using var tool = Tool.Start(_gateway, "sub", "home.*", "home.door", "**", "--count", "2");
        var session = await SubscribedAsync(3);

        await session.SendAsync(Publication("home.door", "1"));
        await session.SendAsync(Publication("hall.door", "2"));

        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        Assert.Equal(
            ["hall.door 2", "home.door 1"],
            tool.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
    }

    [Fact]
    public async Task Sub_shows_what_is_no_text_in_base64()
    {
        await using var tool = Tool.Start(_gateway, "sub", "a", "-n", "1");
        var session = await SubscribedAsync(1);

        await session.SendAsync(new PublishMessage("a", new byte[] { 0xff, 0, 1 }, 0, false, default));

        Assert.Equal("a (base64, 3 bytes) /wAB", await tool.LineAsync());
    }

    [Fact]
    public async Task Sub_with_json_writes_one_object_a_line()
    {
        await using var tool = Tool.Start(_gateway, "sub", "a", "--json", "-n", "2");
        var session = await SubscribedAsync(1);
        await session.SendAsync(new PublishMessage("a", "grüß\n\"dich\""u8.ToArray(), 1, true, MessageId.FromCounter(10)));
        await session.SendAsync(new PublishMessage("a", new byte[] { 0xff }, 0, false, MessageId.FromCounter(11)));

        var text = await tool.JsonLineAsync();
        var bytes = await tool.JsonLineAsync();

        Assert.Equal("a", text.GetProperty("topic").GetString());
        Assert.Equal("grüß\n\"dich\"", text.GetProperty("payload").GetString());
        Assert.Equal((1, true), (text.GetProperty("qos").GetInt32(), text.GetProperty("retain").GetBoolean()));
        Assert.Equal("0000000000000000000000000000000a", text.GetProperty("message_id").GetString());
        Assert.Equal([0xff], bytes.GetProperty("payload_base64").GetBytesFromBase64());
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        Assert.Empty(tool.Error);
    }

    [Fact]
    public async Task Sub_ends_with_130_when_interrupted_and_says_goodbye()
    {
        await using var tool = Tool.Start(_gateway, "sub", "a");
        var session = await SubscribedAsync(1);
        await tool.ErrorLineAsync();

        await tool.InterruptAsync();

        Assert.Equal(ExitCode.Interrupted, await tool.EndAsync());
        while (await session.NextAsync() is { } frame)
            if (frame is DisconnectMessage goodbye) Assert.Equal("normal", goodbye.Reason.ToString());
        Assert.Equal(0, (await session.Closed.WaitAsync(FakeGateway.Patience)).ErrorCode);
    }

    [Fact]
    public async Task Sub_goes_on_after_a_lost_connection()
    {
        await using var tool = Tool.Start(_gateway, "sub", "a", "-n", "1");
        var session = await SubscribedAsync(1);
        await tool.ErrorLineAsync();

        session.Abort();
        Assert.Contains("connection lost", await tool.ErrorLineAsync(), StringComparison.Ordinal);
        session = await SubscribedAsync(1);
        Assert.Equal("connected again", await tool.ErrorLineAsync());
        await session.SendAsync(Publication("a", "x"));

        Assert.Equal("a x", await tool.LineAsync());
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Fact]
    public async Task Sub_that_is_sent_away_ends_with_4()
    {
        await using var tool = Tool.Start(_gateway, "sub", "a", "--quiet");
        var session = await SubscribedAsync(1);

        await session.RefuseAsync(DisconnectReason.SessionSuperseded);

        Assert.Equal(ExitCode.Refused, await tool.EndAsync());
        Assert.Contains("session_superseded", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pub_sends_what_it_is_given()
    {
        await using var tool = Tool.Start(_gateway, "pub", "home.door", "open", "--retain", "--qos", "1");
        var session = await _gateway.AcceptAsync();

        var published = await session.ExpectAsync<PublishMessage>();

        Assert.Equal("home.door", published.Topic.ToString());
        Assert.Equal("open", Encoding.UTF8.GetString(published.Payload.Span));
        Assert.Equal((1, true), (published.Qos, published.Retain));
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        Assert.Empty(tool.Output);
        Assert.Equal("published 4 bytes to home.door", tool.Error.Trim());
    }

    [Theory]
    [InlineData("-5")]
    [InlineData("")]
    public async Task Pub_takes_odd_payloads_as_they_are(string payload)
    {
        await using var tool = Tool.Start(_gateway, "pub", "a", payload, "-q");
        var session = await _gateway.AcceptAsync();

        Assert.Equal(payload, Encoding.UTF8.GetString((await session.ExpectAsync<PublishMessage>()).Payload.Span));
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        Assert.Empty(tool.Error);
    }

    [Fact]
    public async Task Pub_reads_standard_input_and_repeats()
    {
        await using var tool = Tool.Start(
            _gateway, ["pub", "a", "-", "--count", "3", "--interval", "1ms", "--json"], "from\ninput\n");
        var session = await _gateway.AcceptAsync();

        for (var i = 0; i < 3; i++)
            Assert.Equal(
                "from\ninput\n", Encoding.UTF8.GetString((await session.ExpectAsync<PublishMessage>()).Payload.Span));

        var result = await tool.JsonLineAsync();
        Assert.Equal((11, 3), (result.GetProperty("bytes").GetInt32(), result.GetProperty("published").GetInt32()));
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Theory]
    [InlineData("0", ExitCode.CannotConnect)]
    [InlineData("1", ExitCode.Ok)]
    public async Task Pub_does_not_say_published_when_messages_may_be_lost(string qos, int exitCode)
    {
        await using var tool = Tool.Start(_gateway, "pub", "a", "x", "--qos", qos);
        var session = await _gateway.AcceptUnansweredAsync();
        session.AnswersPings = false;
        await session.SendAsync(new PongMessage(1, 1));
        await session.ExpectAsync<PublishMessage>();
        await session.ExpectAsync<PingMessage>();

        session.Abort();
        await _gateway.AcceptAsync();

        Assert.Equal(exitCode, await tool.EndAsync());
        Assert.Equal(exitCode == ExitCode.Ok, tool.Error.Contains("published", StringComparison.Ordinal));
        Assert.Equal(exitCode != ExitCode.Ok, tool.Error.Contains("(connection_lost)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pub_ends_with_4_when_the_gateway_refuses_the_message()
    {
        await using var tool = Tool.Start(_gateway, "pub", "a", "x", "--qos", "1", "--connect-timeout", "2s");
        var session = await _gateway.AcceptUnansweredAsync();
        session.AnswersPings = false;
        await session.SendAsync(new PongMessage(1, 1));
        await session.ExpectAsync<PublishMessage>();

        await session.RefuseAsync(DisconnectReason.FrameTooLarge);

        Assert.Equal(ExitCode.Refused, await tool.EndAsync());
        Assert.Contains("(frame_too_large)", tool.Error, StringComparison.Ordinal);
    }

    private async Task<FakeSession> SubscribedAsync(int patterns)
    {
        var session = await _gateway.AcceptAsync();
        for (var heard = 0; heard < patterns;) heard += (await session.ExpectAsync<SubscribeMessage>()).Topics.Count;
        return session;
    }

    private static PublishMessage Publication(string topic, string text) =>
        new(topic, Encoding.UTF8.GetBytes(text), 0, false, MessageId.FromCounter(1));
}
