using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2TlsSpecs
{
    private static readonly TestCertificates Ours = TestCertificates.Shared;
    private static readonly TestCertificates Strangers = TestCertificates.Stranger;

    [Theory]
    [InlineData(ClientCertificateMode.Allow)]
    [InlineData(ClientCertificateMode.Require)]
    public async Task A_client_with_a_strange_certificate_fails_to_connect(ClientCertificateMode mode)
    {
        var failed = new TaskCompletionSource<(EndPoint?, string)>();
        await using var pair = await Pair.Listen(options => Mutual(mode)(options) with
        {
            OnHandshakeFailed = (who, why) => failed.TrySetResult((who, why)),
        });

        await Pair.Fails(QuicTransportError.AuthenticationFailed,
            () => pair.Connect(options => options with { Certificate = Strangers.Client }));

        var (remote, reason) = await failed.Task.WaitAsync(Pair.Patience);
        Assert.IsType<IPEndPoint>(remote);
        Assert.Contains("CN=client is not trusted", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_without_any_application_protocol_is_turned_away_and_both_sides_say_so()
    {
        var failed = new TaskCompletionSource<string>();
        await using var pair = await Pair.Listen(
            options => options with { OnHandshakeFailed = (_, why) => failed.TrySetResult(why) });
        var dialer = new Transport.Ngtcp2.Dialing.Dialer(new(), new(), NullLogger.Instance);

        var thrown = await Pair.Fails(QuicTransportError.AlpnMismatch, () => dialer.Dial(
            pair.Connecting with { ApplicationProtocol = "" }, pair.Listener.LocalEndPoint, "localhost", default));

        Assert.Contains("share no application protocol", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(
            "share no application protocol", await failed.Task.WaitAsync(Pair.Patience), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_is_new_with_every_handshake_fills_no_memory()
    {
        await using var pair = await Pair.Listen(options => options with
        {
            CertificateSelector = _ => new QuicIdentity(
                Ours.Sign("localhost", TestCertificates.ServerAuthentication, ["localhost"], []), []),
        });
        var before = Transport.Ngtcp2.Counters.Credentials;

        for (var i = 0; i < (2 * Transport.Ngtcp2.Tls.ServerCredentials.MostIdle) + 5; i++)
        {
            var (client, server) = await pair.Both();
            await client.DisposeAsync();
            await server.DisposeAsync();
        }

        Assert.InRange(
            Transport.Ngtcp2.Counters.Credentials - before, 1, Transport.Ngtcp2.Tls.ServerCredentials.MostIdle);
    }

    [Fact]
    public async Task An_address_is_a_name_too()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Both(options => options with { ServerName = null });

        Assert.Null(server.ServerName);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Trust_in_anything_still_shows_the_certificate()
    {
        await using var pair = await Pair.Listen(options => options with { Certificate = Strangers.Server });
        var (client, server) = await pair.Both(options => options with { Trust = QuicTrust.Anything });

        Assert.Equal(Strangers.Server.Thumbprint, client.RemoteCertificate?.Thumbprint);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Rsa_certificates_with_an_intermediate_are_served()
    {
        using var root = Authority("spec root", null);
        using var middle = Authority("spec intermediate", root);
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=rsa", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(
            middle, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), [1, 2, 3]);
        using var leaf = signed.CopyWithPrivateKey(key);
        await using var pair = await Pair.Listen(options => options with
        {
            Certificate = leaf,
            Intermediates = [X509CertificateLoader.LoadCertificate(middle.RawData)],
        });

        var (client, server) = await pair.Both(options => options with
        {
            Trust = QuicTrust.Roots([X509CertificateLoader.LoadCertificate(root.RawData)]),
        });

        await Pair.Streams(client, server);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    private static Func<QuicListenOptions, QuicListenOptions> Mutual(ClientCertificateMode mode) =>
        options => options with { ClientCertificates = mode, ClientTrust = Ours.Trust };

    private static X509Certificate2 Authority(string name, X509Certificate2? issuer)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        if (issuer is null) return request.CreateSelfSigned(from, until);
        using var signed = request.Create(issuer, from.AddHours(1), until.AddHours(-1), [4, 5, 6]);
        return signed.CopyWithPrivateKey(key);
    }
}
