using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Tests;

/// <summary>A certificate authority in memory, and what it signs. ECDSA P-256 throughout.</summary>
public sealed class TestCertificates : IDisposable
{
    public static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    public static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2 _authority;

    public TestCertificates(string name = "Macula test authority", X509Certificate2? issuer = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
        if (issuer is null)
        {
            _authority = request.CreateSelfSigned(from, to);
        }
        else
        {
            request.CertificateExtensions.Add(
                X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, true, false));
            using var signed = request.Create(issuer, issuer.NotBefore, issuer.NotAfter, [1, 2, 3, 4]);
            _authority = signed.CopyWithPrivateKey(key);
        }

        Server = Sign("localhost", ServerAuthentication, ["localhost"], [IPAddress.Loopback]);
        Client = Sign("client", ClientAuthentication, ["client"], []);
    }

    /// <summary>One authority for all specs; its certificates are never disposed.</summary>
    public static TestCertificates Shared { get; } = new();

    /// <summary>An authority that nobody trusts.</summary>
    public static TestCertificates Stranger { get; } = new("Another authority");

    /// <summary>For localhost and 127.0.0.1, with its private key.</summary>
    public X509Certificate2 Server { get; }

    /// <summary>For client authentication, with its private key.</summary>
    public X509Certificate2 Client { get; }

    /// <summary>The authority's certificate, for <see cref="QuicTrust.Roots"/>.</summary>
    public X509Certificate2Collection Roots => [X509CertificateLoader.LoadCertificate(_authority.RawData)];

    public QuicTrust Trust => QuicTrust.Roots(Roots);

    /// <param name="from">Default: an hour ago; not before the authority's own, which is a day ago.</param>
    /// <param name="until">Default: in six months.</param>
    public X509Certificate2 Sign(
        string name, Oid usage, string[] hosts, IPAddress[] addresses,
        DateTimeOffset? from = null, DateTimeOffset? until = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_authority, true, false));
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts) names.AddDnsName(host);
        foreach (var address in addresses) names.AddIpAddress(address);
        if (hosts.Length + addresses.Length > 0) request.CertificateExtensions.Add(names.Build());

        using var signed = request.Create(
            _authority, from ?? DateTimeOffset.UtcNow.AddHours(-1), until ?? DateTimeOffset.UtcNow.AddMonths(6),
            RandomNumberGenerator.GetBytes(16));
        return signed.CopyWithPrivateKey(key);
    }

    /// <summary>A root, an authority below it, and a leaf for localhost below that.</summary>
    public static X509Certificate2 CreateChain(out X509Certificate2 intermediate, out X509Certificate2 leaf)
    {
        using var root = new TestCertificates("Root");
        using var lower = new TestCertificates("Intermediate", root._authority);
        intermediate = X509CertificateLoader.LoadCertificate(lower._authority.RawData);
        leaf = lower.Sign("localhost", ServerAuthentication, ["localhost"], [IPAddress.Loopback]);
        return X509CertificateLoader.LoadCertificate(root._authority.RawData);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Server.Dispose();
        Client.Dispose();
    }
}
