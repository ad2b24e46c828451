using System.Text;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;

namespace Macula.Actors.Client.Tests;

public sealed class ConnectSpecs : IAsyncLifetime
{
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    [Trait("Defect", "D49")]
    public async Task It_introduces_itself_and_waits_for_the_answer()
    {
        var options = _gateway.Options with { Realm = "org.example", Endpoint = "https://me:1" };
        var accepting = _gateway.AcceptUnansweredAsync();
        var connecting = MaculaClient.ConnectAsync(options);
        var session = await accepting;
        Assert.False(connecting.IsCompleted);

        await session.SendAsync(new PongMessage(1, 1));
        await using var client = await connecting.WaitAsync(FakeGateway.Patience);

        Assert.Equal(MaculaClientState.Connected, client.State);
        Assert.Equal("org.example", session.Connect.Realm.ToString());
        Assert.Equal("tester", session.Connect.NodeId.ToString());
        Assert.Equal("https://me:1", session.Connect.Endpoint.ToString());
        Assert.Equal(["pubsub", "rpc"], session.Connect.Capabilities.Select(c => c.ToString()));
    }

    [Fact]
    public async Task Clients_of_the_same_options_are_different_nodes_unless_these_name_one()
    {
        var options = _gateway.Options with { NodeId = default, ReconnectInitial = TimeSpan.FromMilliseconds(1) };
        var (one, first) = await _gateway.ConnectAsync(options);
        var (two, second) = await _gateway.ConnectAsync(options);

        first.Abort();
        var again = await _gateway.AcceptAsync();

        Assert.NotEqual(one.NodeId, two.NodeId);
        Assert.Equal((one.NodeId, two.NodeId), (first.Connect.NodeId, second.Connect.NodeId));
        Assert.Equal(one.NodeId, again.Connect.NodeId);
        await one.DisposeAsync();
        await two.DisposeAsync();
    }

    [Fact]
    public async Task A_refusal_carries_reason_sentence_and_the_wait()
    {
        var accepting = _gateway.AcceptUnansweredAsync();
        var connecting = MaculaClient.ConnectAsync(_gateway.Options);
        await (await accepting).RefuseAsync(DisconnectReason.MaxClientsReached, 1500);

        var refused = await Assert.ThrowsAsync<MaculaRefusedException>(() => connecting);

        Assert.Equal("max_clients_reached", refused.Reason);
        Assert.Equal("because MaxClientsReached", refused.Message);
        Assert.Equal(TimeSpan.FromSeconds(1.5), refused.RetryAfter);
    }

    [Fact]
    public async Task A_refusal_by_close_code_alone_is_understood()
    {
        var accepting = _gateway.AcceptUnansweredAsync();
        var connecting = MaculaClient.ConnectAsync(_gateway.Options);
        (await accepting).Abort(DisconnectReason.WrongRealm.Code());

        var refused = await Assert.ThrowsAsync<MaculaRefusedException>(() => connecting);

        Assert.Equal("wrong_realm", refused.Reason);
    }

    [Fact]
    public async Task Where_nobody_listens_the_attempt_fails()
    {
        var options = _gateway.Options with { Server = "127.0.0.1:9" };

        var failed = await Assert.ThrowsAsync<MaculaConnectionException>(
            () => MaculaClient.ConnectAsync(options));

        Assert.Equal(MaculaErrorCodes.ConnectFailed, failed.Code);
        Assert.Contains("127.0.0.1:9", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_several_servers_the_next_is_tried()
    {
        var options = _gateway.Options with { Server = $"127.0.0.1:9, {_gateway.Address}" };

        var (client, _) = await _gateway.ConnectAsync(options);

        await client.DisposeAsync();
    }

    [Fact]
    public async Task Disposing_says_goodbye_and_lets_out_what_is_queued()
    {
        var (client, session) = await _gateway.ConnectAsync();
        for (var i = 0; i < 100; i++) await client.PublishAsync("a", $"{i}");

        await client.DisposeAsync();

        for (var i = 0; i < 100; i++)
        {
            var published = await session.ExpectAsync<PublishMessage>();
            Assert.Equal($"{i}", Encoding.UTF8.GetString(published.Payload.Span));
        }

        Assert.Equal("normal", (await session.ExpectAsync<DisconnectMessage>()).Reason.ToString());
        var closed = await session.Closed.WaitAsync(FakeGateway.Patience);
        Assert.Equal(0, closed.ErrorCode);
        Assert.Equal(MaculaClientState.Closed, client.State);
        Assert.Null(client.CloseReason);
    }

    [Fact]
    public async Task After_the_end_operations_say_so()
    {
        var (client, _) = await _gateway.ConnectAsync();
        await client.DisposeAsync();
        await client.DisposeAsync();

        var publish = await Assert.ThrowsAsync<MaculaConnectionException>(() => client.PublishAsync("a", "b"));
        var call = await Assert.ThrowsAsync<MaculaCallException>(() => client.CallAsync("a", default));
        var subscribe = await Assert.ThrowsAsync<MaculaConnectionException>(() => client.SubscribeAsync("a"));

        Assert.All([publish.Code, call.Code, subscribe.Code], code => Assert.Equal("closed", code));
    }

    [Fact]
    public async Task All_faults_of_the_options_are_told_at_once()
    {
        var options = new MaculaClientOptions
        {
            Server = "a:b:c",
            Realm = "",
            CallTimeout = TimeSpan.Zero,
            SubscriptionBuffer = 0,
        };

        var error = await Assert.ThrowsAsync<ArgumentException>(() => MaculaClient.ConnectAsync(options));

        foreach (var part in (string[])["Server has 'a:b:c'", "Realm", "CallTimeout", "SubscriptionBuffer"])
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_and_broken_frames_are_skipped()
    {
        var (client, session) = await _gateway.ConnectAsync();
        await session.SendRawAsync(new byte[] { 1, 0x77, 0, 0, 0, 0, 0, 1, 0x80 }); // no such type
        await session.SendRawAsync(new byte[] { 1, 0x21, 0, 0, 0, 0, 0, 1, 0xc1 }); // no MessagePack

        await client.PingAsync();

        Assert.Equal(2, client.Statistics.FramesSkipped);
        Assert.Equal(MaculaClientState.Connected, client.State);
        await client.DisposeAsync();
    }

    [Theory]
    [Trait("Defect", "D50")]
    [InlineData("host", "host", 9443)]
    [InlineData("host:1", "host", 1)]
    [InlineData("10.0.0.1:65535", "10.0.0.1", 65535)]
    [InlineData("[::1]", "::1", 9443)]
    [InlineData("[::1]:5", "::1", 5)]
    public void Servers_are_read(string text, string host, int port)
    {
        Assert.True(ServerAddress.TryParse(text, out var endPoint));

        Assert.Equal(
            (host, port),
            endPoint is System.Net.DnsEndPoint dns
                ? (dns.Host, dns.Port)
                : (((System.Net.IPEndPoint)endPoint).Address.ToString(), ((System.Net.IPEndPoint)endPoint).Port));
    }

    [Theory]
    [Trait("Defect", "D50")]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[::1]5")]
    [InlineData("ho st")]
    [InlineData("host:-1")]
    [InlineData("host:1/")]
    [InlineData("https://host:1/")]
    public void What_is_no_server_is_refused(string text) =>
        Assert.False(ServerAddress.TryParse(text, out _));
}
