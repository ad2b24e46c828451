using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>Clients prove their address before a server keeps anything of them (RFC 9000, section 8.1.2).</summary>
[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2RetrySpecs
{
    protected virtual int Loops => 1;

    private const long InvalidToken = 0xb;

    private static readonly Ngtcp2Options Always = new() { Retry = RetryPolicy.Always };

    [Fact]
    public async Task A_client_that_is_asked_to_prove_its_address_does_and_gets_in()
    {
        await using var pair = await Pair.Listen(defence: Always, loops: Loops);

        var (client, server) = await pair.Streams();
        await Pair.Write(server, [5]);

        Assert.Equal([5], await Pair.Read(client, 1));
        Assert.Equal(1, pair.Metrics.Retries);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_is_kept_of_a_client_that_has_not_proved_its_address()
    {
        await using var pair = await Pair.Listen(defence: Always, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);

        for (var i = 0; i < 20; i++)
        {
            var answer = await stranger.AskAsync(new InitialPacket(), Pair.Patience);
            Assert.Equal(AnswerKind.Retry, answer.Kind);
        }

        Assert.Equal((20, 0), (pair.Metrics.Retries, pair.Metrics.HalfOpen));
    }

    [Fact]
    public async Task Clients_are_asked_while_many_connections_are_half_open_and_not_before()
    {
        const int Mark = 3;
        await using var pair = await Pair.Listen(defence: new Ngtcp2Options { RetryMark = Mark }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        for (var i = 0; i < Mark; i++) await stranger.SendAsync(new InitialPacket().ToDatagram());
        await Pair.Until(() => pair.Metrics.HalfOpen == Mark, () => $"half open: {pair.Metrics.HalfOpen}");
        Assert.Equal(0, pair.Metrics.Retries);

        var (client, server) = await pair.Streams();

        Assert.Equal(1, pair.Metrics.Retries);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    [Fact]
    public async Task Where_it_is_switched_off_nobody_is_asked()
    {
        await using var pair = await Pair.Listen(
            defence: new Ngtcp2Options { Retry = RetryPolicy.Never, RetryMark = 0 }, loops: Loops);

        var (client, server) = await pair.Streams();

        Assert.Equal(0, pair.Metrics.Retries);
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
    }

    /// <summary>It could be anybody, and its bytes would have to be kept until the beginning comes.</summary>
    [Fact]
    public async Task A_client_whose_first_packet_holds_the_end_of_its_hello_is_asked_to_prove_its_address()
    {
        await using var pair = await Pair.Listen(loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var hello = await CapturedHello.TakeAsync(new Ngtcp2Provider());
        var body = hello.Frames.AsMemory(4); // past the header of the CRYPTO frame
        var half = body.Length / 2;

        var answer = await stranger.AskAsync(
            hello with { Frames = InitialPacket.Crypto(half, body.Span[half..]) }, Pair.Patience);

        Assert.Equal(AnswerKind.Retry, answer.Kind);
        await Pair.Until(() => pair.Metrics.HalfOpen == 0, () => $"half open: {pair.Metrics.HalfOpen}");
        Assert.Equal((1, 0), (pair.Metrics.Retries, pair.Metrics.HandshakesFailed));

        var second = hello with { DestinationId = answer.SourceId, Token = answer.Token, Number = 1 };
        Assert.Null((await stranger.AskAsync(second, Pair.Patience)).CloseCode);
        Assert.Equal(1, pair.Metrics.HalfOpen);
    }

    [Fact]
    public async Task A_token_is_good_for_the_address_that_it_was_given_to_and_no_other()
    {
        await using var pair = await Pair.Listen(defence: Always, loops: Loops);
        using var owner = new Stranger(pair.Listener.LocalEndPoint);
        using var thief = new Stranger(pair.Listener.LocalEndPoint);
        var second = await WithToken(owner);

        Assert.Equal(InvalidToken, (await thief.AskAsync(second, Pair.Patience)).CloseCode);
        Assert.Equal(0, pair.Metrics.HalfOpen);

        var answer = await owner.AskAsync(second, Pair.Patience);
        Assert.Equal((AnswerKind.Initial, null), (answer.Kind, answer.CloseCode));
        Assert.Equal((1, 1), (pair.Metrics.HalfOpen, pair.Metrics.Refused(RefusalReason.InvalidToken)));
    }

    [Fact]
    public async Task A_forged_token_is_refused_with_invalid_token()
    {
        await using var pair = await Pair.Listen(defence: Always, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var second = await WithToken(stranger);
        second.Token[^1] ^= 1;

        Assert.Equal(InvalidToken, (await stranger.AskAsync(second, Pair.Patience)).CloseCode);
    }

    // RFC 9000, section 8.1.2: only where the packet is valid otherwise is its client told.
    [Fact]
    public async Task A_token_that_was_spoiled_on_the_way_costs_its_client_nothing()
    {
        await using var pair = await Pair.Listen(defence: Always, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var second = await WithToken(stranger);
        var spoiled = second.ToDatagram();
        var tokenEnds = spoiled.AsSpan().IndexOf(second.Token) + second.Token.Length;
        spoiled[tokenEnds - 1] ^= 1;

        await stranger.SendAsync(spoiled);
        await Pair.Until(() => pair.Metrics.Dropped(DropReason.BadInitial) == 1, () => "it was not dropped");
        Assert.Null((await stranger.AskAsync(second, Pair.Patience)).CloseCode);
        Assert.Equal((1, 0), (pair.Metrics.HalfOpen, pair.Metrics.Refused(RefusalReason.InvalidToken)));
    }

    [Fact]
    public async Task A_token_expires()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var pair = await Pair.Listen(
            defence: Always with { Clock = clock, RetryTokenLifetime = TimeSpan.FromSeconds(5) }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var (early, late) = (await WithToken(stranger), await WithToken(stranger));

        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Null((await stranger.AskAsync(early, Pair.Patience)).CloseCode);
        clock.Advance(TimeSpan.FromSeconds(2));
        await stranger.SendAsync(late.ToDatagram());
        Assert.Equal(InvalidToken, await stranger.CloseCodeAsync(late, Pair.Patience));
    }

    [Fact]
    public async Task A_token_outlives_a_restart_where_the_secret_does()
    {
        var defence = Always with { Secret = new byte[Ngtcp2Options.ShortestSecret] };
        var before = await Pair.Listen(defence: defence, loops: Loops);
        var address = before.Listener.LocalEndPoint;
        using var stranger = new Stranger(address);
        var second = await WithToken(stranger);
        await before.KillServer();

        await using var after = await Pair.Listen(options => options with { EndPoint = address }, defence, loops: Loops);

        Assert.Null((await stranger.AskAsync(second, Pair.Patience)).CloseCode);
        Assert.Equal(1, after.Metrics.HalfOpen);
    }

    /// <summary>What a client sends after the Retry packet.</summary>
    private static async Task<InitialPacket> WithToken(Stranger stranger)
    {
        var first = new InitialPacket();
        var retry = await stranger.AskAsync(first, Pair.Patience);
        Assert.Equal(AnswerKind.Retry, retry.Kind);
        return first with { DestinationId = retry.SourceId, Token = retry.Token, Number = 1 };
    }
}
