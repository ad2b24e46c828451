using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    private static readonly TestCertificates Ours = TestCertificates.Shared;
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly X509Certificate2 Expired = Leaf(Now.AddHours(-20), Now.AddHours(-10));
    private static readonly X509Certificate2 Early = Leaf(Now.AddHours(10), Now.AddHours(20));

    /// <summary>Every way in which the judge of a certificate refuses it, what both sides' logs must say of it, and which
    /// certificate of a client is good where the judge is the server.</summary>
    private static readonly TrustCase[] TrustCases =
    [
        new("a server's that has expired", false, Serve(Expired), Plain,
            QuicTransportError.AuthenticationFailed, $"expired on {Now.AddHours(-10):yyyy-MM-dd}"),
        new("a server's that is not valid yet", false, Serve(Early), Plain,
            QuicTransportError.AuthenticationFailed, $"not valid before {Now.AddHours(10):yyyy-MM-dd}"),
        new("a server's for another name", false, Plain, options => options with { ServerName = "elsewhere.example" },
            QuicTransportError.AuthenticationFailed, "is not for 'elsewhere.example'"),
        new("a server's from an unknown issuer", false, Serve(TestCertificates.Stranger.Server), Plain,
            QuicTransportError.AuthenticationFailed, "its issuer CN=Another authority leads to no trusted root"),
        new("a server's that only the system's store could know", false, Plain,
            options => options with { Trust = QuicTrust.System },
            QuicTransportError.AuthenticationFailed, "its issuer CN=Macula test authority leads to no trusted root"),
        new("a server's with another fingerprint", false, Plain,
            options => options with { Trust = QuicTrust.Pinned(new string('0', 64)) },
            QuicTransportError.AuthenticationFailed, $"{QuicTrust.Fingerprint(Ours.Server)} is not a pinned one"),
        new("a server's that is for clients", false, Serve(Ours.Sign(
                "localhost", TestCertificates.ClientAuthentication, ["localhost"], [])), Plain,
            QuicTransportError.AuthenticationFailed, "not for server authentication (extended key usage)"),
        new("no certificate of a client", true, RequireClients, Plain,
            QuicTransportError.AuthenticationFailed, "certificate"),
        new("a client's that has expired", true, RequireClients, Show(Expired),
            QuicTransportError.AuthenticationFailed, $"expired on {Now.AddHours(-10):yyyy-MM-dd}"),
        new("a client's from an unknown issuer", true, AllowClients, Show(TestCertificates.Stranger.Client),
            QuicTransportError.AuthenticationFailed, "its issuer CN=Another authority leads to no trusted root"),
        new("a client's that is for servers", true, RequireClients, Show(Ours.Server),
            QuicTransportError.AuthenticationFailed, "not for client authentication (extended key usage)"),
        new("a client's with another fingerprint", true,
            options => RequireClients(options) with
            {
                ClientTrust = QuicTrust.Pinned(QuicTrust.Fingerprint(TestCertificates.Stranger.Client)),
            },
            Show(Ours.Client),
            QuicTransportError.AuthenticationFailed, $"{QuicTrust.Fingerprint(Ours.Client)} is not a pinned one",
            TestCertificates.Stranger.Client),
    ];

    [ContractFact]
    [Trait("Defect", "D47")]
    public async Task Both_sides_are_told_why_a_certificate_is_refused()
    {
        List<string> faults = [];
        foreach (var each in TrustCases)
        {
            var (listener, failures) = await ListenForFailuresAsync(each.Listen);
            var (error, client) = await RefusalAsync(listener, each.Connect);
            var server = await failures.WaitAsync(Soon);

            if (error != each.Error) faults.Add($"{each.Name}: the client gets {error}: {client}");
            var (judge, other) = each.ServerJudges ? (server, client) : (client, server);
            if (!judge.Contains(each.Text, StringComparison.Ordinal))
                faults.Add($"{each.Name}: the judge says only: {judge}");
            if (SendsReasons ? !other.Contains(each.Text, StringComparison.Ordinal) : other.Length == 0)
                faults.Add($"{each.Name}: the other side is told only: {other}");

            // The listener is none the worse for it: a client that it may trust, and that trusts it, gets in.
            var accepting = AcceptAsync(listener);
            var good = await ConnectAsync(
                listener, options => options with { Trust = QuicTrust.Anything, Certificate = each.Good ?? Ours.Client });
            await StreamAsync(good, await accepting);
        }

        Assert.True(faults is [], string.Join(Environment.NewLine, faults));
    }

    [ContractFact]
    public async Task A_good_certificate_of_each_side_is_accepted_by_each_kind_of_trust()
    {
        foreach (var (ofServer, ofClient) in new[]
        {
            (Ours.Trust, Ours.Trust),
            (QuicTrust.Pinned(QuicTrust.Fingerprint(Ours.Server)), QuicTrust.Pinned(QuicTrust.Fingerprint(Ours.Client))),
            (QuicTrust.Anything, QuicTrust.Anything),
        })
        {
            var (client, server) = await PairAsync(
                options => RequireClients(options) with { ClientTrust = ofClient },
                options => WithClientCertificate(options) with { Trust = ofServer });

            await StreamAsync(client, server);
            Assert.Equal(Ours.Client.RawData, server.RemoteCertificate?.RawData);
        }
    }

    private async Task<(QuicTransportError Error, string Message)> RefusalAsync(
        IQuicListener listener, Func<QuicConnectOptions, QuicConnectOptions> with)
    {
        try
        {
            var client = await ConnectAsync(listener, with);
            var closed = await client.Closed.WaitAsync(Soon); // TLS 1.3: the client may be through before it is judged
            return (closed.Error, closed.Reason);
        }
        catch (QuicTransportException thrown)
        {
            return (thrown.Error, thrown.Message);
        }
    }

    private static X509Certificate2 Leaf(DateTimeOffset from, DateTimeOffset until) => Ours.Sign(
        "localhost", TestCertificates.ServerAuthentication, ["localhost"], [], from, until);

    private static Func<QuicListenOptions, QuicListenOptions> Serve(X509Certificate2 certificate) =>
        options => options with { Certificate = certificate };

    private static Func<QuicConnectOptions, QuicConnectOptions> Show(X509Certificate2 certificate) =>
        options => options with { Certificate = certificate };

    private static T Plain<T>(T options) => options;

    private sealed record TrustCase(
        string Name, bool ServerJudges, Func<QuicListenOptions, QuicListenOptions> Listen,
        Func<QuicConnectOptions, QuicConnectOptions> Connect, QuicTransportError Error, string Text,
        X509Certificate2? Good = null);
}
