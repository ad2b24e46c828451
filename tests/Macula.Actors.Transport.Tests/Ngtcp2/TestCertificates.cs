using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>A small certificate authority for specs.</summary>
internal sealed class TestCertificates
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset Until = DateTimeOffset.UtcNow.AddDays(30);

    public TestCertificates(string name = "spec root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        Root = request.CreateSelfSigned(From, Until);
        Server = Issue("localhost", server: true);
        Client = Issue("client", server: false);
    }

    public static TestCertificates Shared { get; } = new();

    public X509Certificate2 Root { get; }

    public X509Certificate2 Server { get; }

    public X509Certificate2 Client { get; }

    public QuicTrust Trust => QuicTrust.Roots([Root]);

    public X509Certificate2 Issue(string name, bool server)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Sign(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), name, server)
            .CopyWithPrivateKey(key);
    }

    public X509Certificate2 IssueRsa(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return Sign(request, name, server: true).CopyWithPrivateKey(key);
    }

    private X509Certificate2 Sign(CertificateRequest request, string name, bool server)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        if (server) names.AddIpAddress(IPAddress.Loopback);
        if (server) names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        var usage = new OidCollection { new Oid(server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2") };
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usage, false));
        return request.Create(Root, From, Until, RandomNumberGenerator.GetBytes(8));
    }
}
