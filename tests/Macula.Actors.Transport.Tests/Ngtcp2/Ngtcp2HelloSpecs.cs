using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>A ClientHello that a listener must not take, or must take though it is unusual.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2HelloSpecs
{
    private const int CryptoError = 0x100;
    private const int AlertMissingExtension = 109;

    // Extensions as a ClientHello has them: their type, and what is not in a random number by chance.
    private static readonly byte[] TransportParameters = [0x00, 0x39];
    private static readonly byte[] KeyShareOfX25519 = [0x00, 0x1d, 0x00, 0x20];

    [Fact]
    public async Task A_client_without_transport_parameters_is_refused_and_harms_nobody()
    {
        await using var pair = await Pair.Listen();
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var hello = await Changed(TransportParameters, [0x7a, 0x7a]);

        await stranger.SendAsync(hello.ToDatagram());

        await Pair.Until(() => pair.Metrics.HandshakesFailed == 1, () => "the handshake has not failed");
        Assert.Equal(CryptoError + AlertMissingExtension, await stranger.CloseCodeAsync(hello, Pair.Patience));
        var (client, server) = await pair.Both();
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_guessed_another_group_is_asked_again()
    {
        await using var pair = await Pair.Listen();
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var hello = await Changed(KeyShareOfX25519, [0x7a, 0x7a, 0x00, 0x20]);

        var answer = await stranger.AskAsync(hello, Pair.Patience);

        Assert.Equal((AnswerKind.Initial, null), (answer.Kind, answer.CloseCode));
        Assert.Equal(1, pair.Metrics.HalfOpen);
    }

    private static async Task<InitialPacket> Changed(byte[] what, byte[] into)
    {
        var hello = await CapturedHello.TakeAsync(new Ngtcp2Provider());
        var frames = (byte[])hello.Frames.Clone();
        var at = frames.AsSpan().LastIndexOf(what);
        Assert.True(at > 0, "the ClientHello has no such extension");
        into.CopyTo(frames, at);
        return hello with { Frames = frames };
    }
}
