using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>Who is not served is told so twice: by a DISCONNECT frame, and by the code of the QUIC close.</summary>
[Collection(OneByOne.Name)]
public sealed class RefusalSpecs(ITestOutputHelper test) : IAsyncLifetime
{
    private NodeProcess _node = null!;

    public async Task InitializeAsync() => _node = await NodeProcess.StartAsync(
        test, "macula.clients.max-clients=2", "macula.clients.retry-after=7s", "macula.clients.retry-spread=0s",
        "macula.gateway.connect-timeout=2s", "macula.gateway.max-frame-size=64KiB");

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Peers_that_say_the_wrong_thing_are_told_why_and_closed_with_the_code_of_the_reason()
    {
        var connect = RawClient.Connect(_node.Address, "polite");
        var wrongRealm = RawClient.Connect(_node.Address with { Realm = "com.example.other" }, "stranger");
        await AssertRefused(wrongRealm, DisconnectReason.WrongRealm);
        await AssertRefused(Frame(FrameType.Connect, 0x80), DisconnectReason.MalformedConnect);
        await AssertRefused(Frame(FrameType.Connect, 0x81, 0xc1), DisconnectReason.MalformedConnect);
        await AssertRefused(Header(FrameType.Connect, 4097), DisconnectReason.FrameTooLarge);
        await AssertRefused(new PingMessage(1).ToFrame(), DisconnectReason.NotAuthorized);
        await AssertRefused(new SubscribeMessage(["**"]).ToFrame(), DisconnectReason.NotAuthorized);
        await AssertRefused([2, .. connect[1..]], DisconnectReason.ProtocolError);
        await AssertRefused([.. connect, 0xff], DisconnectReason.ProtocolError, isAdmitted: true);
        await AssertRefused(
            [.. connect, .. Header(FrameType.Publish, 64 * 1024 + 1)], DisconnectReason.FrameTooLarge, isAdmitted: true);
        await AssertStillServesAsync();
    }

    [Fact]
    public async Task Who_says_goodbye_is_closed_without_further_words()
    {
        await using var client = await RawClient.ConnectAsync(_node.Address, "polite");
        await client.SendAsync(new DisconnectMessage("normal", "bye").ToFrame());

        Assert.Null(await client.ReadAsync());
        var closed = await client.ClosedAsync();
        Assert.Equal((DisconnectReason.Normal.Code(), true), (closed.ErrorCode, closed.ByPeer));
        await AssertStillServesAsync();
    }

    [Fact]
    public async Task Peers_that_do_not_say_CONNECT_in_time_are_closed()
    {
        await using var silent = await RawClient.DialAsync(_node.Address); // no stream, so nowhere to tell it why
        await AssertRefused([1, 1, 0], DisconnectReason.ConnectTimeout);
        var closed = await silent.Closed.WaitAsync(TimeSpan.FromSeconds(15));
        Assert.Equal((QuicTransportError.ConnectionAborted, 4L, true), (closed.Error, closed.ErrorCode, closed.ByPeer));
        await AssertStillServesAsync();
    }

    [Fact]
    [Trait("Defect", "D12")]
    [Trait("Defect", "D40")]
    public async Task A_full_node_says_when_to_come_again()
    {
        await using (var one = await RawClient.ConnectAsync(_node.Address, "one"))
        await using (await RawClient.ConnectAsync(_node.Address, "two"))
        {
            var refusal = await AssertRefused(
                RawClient.Connect(_node.Address, "three"), DisconnectReason.MaxClientsReached);
            Assert.Equal(7000, refusal.RetryAfter);

            // Who is known may come again: the newest connection wins, and the older one is told.
            await using var again = await RawClient.ConnectAsync(_node.Address, "one");
            Assert.Equal("session_superseded", (await one.ReadAsync())!.Disconnect().Reason.ToString());
            Assert.Equal(DisconnectReason.SessionSuperseded.Code(), (await one.ClosedAsync()).ErrorCode);
            Assert.Empty(await again.FenceAsync());
        }
    }

    [Fact]
    public async Task More_connections_than_the_node_may_have_are_closed_at_once_without_a_frame()
    {
        await using var crowded = await NodeProcess.StartAsync(
            test, "macula.gateway.max-connections=1", "macula.clients.max-clients=1");
        await using var only = await RawClient.ConnectAsync(crowded.Address, "only");

        await using var another = await RawClient.DialAsync(crowded.Address);
        var closed = await another.Closed.WaitAsync(TimeSpan.FromSeconds(15));
        Assert.Equal((DisconnectReason.MaxClientsReached.Code(), true), (closed.ErrorCode, closed.ByPeer));

        Assert.Empty(await only.FenceAsync());
        crowded.AssertUntroubled();
    }

    [Fact]
    public async Task A_node_that_stops_says_so_and_ends_in_order()
    {
        await using var client = await RawClient.ConnectAsync(_node.Address, "client");
        await using var early = await RawClient.OpenAsync(_node.Address);
        await early.SendAsync(new byte[] { 1 });

        _node.Send(Signal.Terminate);

        var told = (await client.ReadAsync())!.Disconnect();
        Assert.Equal(("draining", 7000), (told.Reason.ToString(), told.RetryAfter));
        Assert.Null(await client.ReadAsync());
        Assert.Equal(DisconnectReason.Draining.Code(), (await client.ClosedAsync()).ErrorCode);
        Assert.NotNull((await early.ClosedAsync()).ErrorCode);
        Assert.Equal(0, await _node.ExitAsync());
        Assert.Empty(_node.ErrorLines);
    }

    [Fact]
    public async Task Another_ALPN_fails_the_handshake()
    {
        var refused = await Assert.ThrowsAsync<QuicTransportException>(() => RawClient.DialAsync(_node.Address, "h3"));
        Assert.Equal(QuicTransportError.AlpnMismatch, refused.Error);
        await AssertStillServesAsync();
    }

    [Fact]
    [Trait("Defect", "D47")]
    public async Task A_client_that_expects_another_certificate_does_not_talk_to_the_node()
    {
        var elsewhere = _node.Address with { Fingerprint = new string('0', 64) };
        var refused = await Assert.ThrowsAsync<QuicTransportException>(() => RawClient.DialAsync(elsewhere));
        Assert.Equal(QuicTransportError.AuthenticationFailed, refused.Error);
        await AssertStillServesAsync();
    }

    private async Task<DisconnectMessage> AssertRefused(
        byte[] bytes, DisconnectReason reason, bool isAdmitted = false)
    {
        await using var client = await RawClient.OpenAsync(_node.Address);
        await client.SendAsync(bytes);
        if (isAdmitted) (await client.ReadAsync())!.Pong();

        var told = (await client.ReadAsync())!.Disconnect();
        Assert.Equal(reason.Text(), told.Reason.ToString());
        Assert.NotEmpty(told.Message.ToString());

        Assert.Null(await client.ReadAsync());
        var closed = await client.ClosedAsync();
        Assert.Equal((reason.Code(), true), (closed.ErrorCode, closed.ByPeer));
        return told;
    }

    private async Task AssertStillServesAsync()
    {
        await using var client = await RawClient.ConnectAsync(_node.Address, "honest");
        Assert.Empty(await client.FenceAsync());
        _node.AssertUntroubled();
    }

    private static byte[] Frame(FrameType type, params byte[] payload) =>
        [.. Header(type, payload.Length), .. payload];

    private static byte[] Header(FrameType type, int length)
    {
        var header = new byte[Protocol.Frame.HeaderLength];
        Protocol.Frame.WriteHeader(header, type, length);
        return header;
    }
}
