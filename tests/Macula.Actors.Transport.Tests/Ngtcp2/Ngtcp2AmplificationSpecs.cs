using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>Who pretends to be at another's address cannot make a server flood it: three times what came from there, and
/// no more (RFC 9000, section 8.1).</summary>
[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2AmplificationSpecs
{
    protected virtual int Loops => 1;

    private const int Most = 3;

    /// <summary>A certificate that alone is larger than three first packets.</summary>
    private static readonly Lazy<X509Certificate2> Large = new(MakeLarge);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task To_a_client_that_never_answers_a_server_sends_three_times_what_it_got(int times)
    {
        var (sent, received) = await AskAndListen(hello => hello, times);

        Assert.InRange(received, sent, Most * sent);
    }

    [Theory]
    [InlineData(0x36)]
    [InlineData(0x00)]
    public async Task A_token_that_the_server_did_not_give_out_proves_nothing(byte mark)
    {
        var (sent, received) = await AskAndListen(hello => hello with { Token = [mark, .. new byte[40]] }, 1);

        Assert.InRange(received, sent, Most * sent);
    }

    [Fact]
    public async Task Every_answer_without_a_connection_is_shorter_than_the_question()
    {
        await using var pair = await Pair.Listen(defence: new Ngtcp2Options { Retry = RetryPolicy.Always }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var first = new InitialPacket();
        var unknownVersion = first.ToDatagram();
        unknownVersion[1] = 0xba;
        var forged = new InitialPacket { Token = [0xb7, .. new byte[60]] }.ToDatagram();
        var ofNoConnection = RandomNumberGenerator.GetBytes(40);
        ofNoConnection[0] = 0x40;

        foreach (var question in new[] { first.ToDatagram(), unknownVersion, forged, ofNoConnection })
        {
            await stranger.SendAsync(question);
            Assert.InRange((await stranger.ReceiveAsync(Pair.Patience)).Length, 1, question.Length - 1);
        }
    }

    /// <summary>Sends a real first packet, so often, and counts what comes until the server has given up.</summary>
    private async Task<(int Sent, int Received)> AskAndListen(Func<InitialPacket, InitialPacket> change, int times)
    {
        await using var pair = await Pair.Listen(options => options with
        {
            Certificate = Large.Value,
            HandshakeTimeout = TimeSpan.FromSeconds(3),
        }, loops: Loops);
        var hello = change(await CapturedHello.TakeAsync(new Ngtcp2Provider()));
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var (sent, received) = (0, 0);
        using var over = new CancellationTokenSource();
        var listening = Listen();
        for (uint i = 0; i < times; i++)
        {
            var datagram = (hello with { Number = i }).ToDatagram();
            sent += datagram.Length;
            await stranger.SendAsync(datagram);
        }

        await Pair.Until(() => pair.Metrics.HandshakesFailed == 1, () => "the handshake has not timed out");
        await over.CancelAsync();
        await listening;
        Assert.Equal(pair.Metrics.BytesOut, received);
        return (sent, received);

        async Task Listen()
        {
            try
            {
                while (true) received += (await stranger.ReceiveAsync(over.Token)).Length;
            }
            catch (OperationCanceledException)
            {
                // What is in the socket's buffer counts too.
                while (stranger.Available > 0) received += (await stranger.ReceiveAsync(Pair.Patience)).Length;
            }
        }
    }

    private static X509Certificate2 MakeLarge()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=large", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        for (var i = 0; i < 200; i++) names.AddDnsName($"a-rather-long-name-of-a-host-{i}.example.com");
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
    }
}
