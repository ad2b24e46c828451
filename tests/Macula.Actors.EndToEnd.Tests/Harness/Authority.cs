using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>A certificate authority of a test, as the files that an operator would have.</summary>
internal sealed class Authority : IDisposable
{
    private static readonly OidCollection BothSides =
        [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")]; // server and client authentication

    private readonly TempFolder _folder;
    private readonly X509Certificate2 _root;

    public Authority(TempFolder folder, string name)
    {
        _folder = folder;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        RootFile = Write("roots", _root.ExportCertificatePem());
    }

    public string RootFile { get; }

    /// <summary>The settings of a node with a certificate for 127.0.0.1 that is good for both sides of a connection: it
    /// shows it to its peers, and knows them by their own.</summary>
    public string[] Node()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(BothSides, false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, true, false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(
            _root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(7), RandomNumberGenerator.GetBytes(16));
        return
        [
            $"macula.quic.certificate-file={Write("certificate", signed.ExportCertificatePem())}",
            $"macula.quic.key-file={Write("key", key.ExportPkcs8PrivateKeyPem())}",
            "macula.quic.client-certificates=allow", $"macula.quic.client-ca-file={RootFile}",
            $"macula.mesh.ca-file={RootFile}", "macula.mesh.client-certificate=on",
        ];
    }

    public void Dispose() => _root.Dispose();

    private string Write(string name, string pem)
    {
        var path = Path.Combine(_folder.Path, $"{name}-{Guid.NewGuid():N}.pem");
        File.WriteAllText(path, pem);
        return path;
    }
}
