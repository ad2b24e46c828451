using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Hosting;

/// <summary>A self-signed certificate that a node makes on first start and keeps; clients pin its fingerprint.
/// </summary>
internal static class DevelopmentCertificate
{
    private const string FileName = "development.pem";
    private const int Years = 10;
    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The kept certificate with its key, or a new one: ECDSA P-256, for localhost, ten years.</summary>
    /// <param name="directory">Exists. The file in it holds key and certificate, for its owner alone.</param>
    /// <exception cref="CryptographicException">The file holds no certificate with its key.</exception>
    /// <exception cref="IOException">The file can neither be read nor written.</exception>
    public static X509Certificate2 LoadOrCreate(string directory)
    {
        var file = Path.Combine(directory, FileName);
        if (!File.Exists(file)) Create(file);
        return X509Certificate2.CreateFromPemFile(file, file);
    }

    // One file, written aside and moved: no start sees half of it, and of two at once the first wins.
    private static void Create(string file)
    {
        var draft = $"{file}.{Environment.ProcessId}";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerAlone;
        using (var writer = new StreamWriter(draft, options)) writer.Write(NewPem());
        try
        {
            File.Move(draft, file);
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(draft);
        }
    }

    private static string NewPem()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Macula development", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false)); // server authentication

        var now = DateTimeOffset.UtcNow;
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(Years));
        return $"{key.ExportPkcs8PrivateKeyPem()}\n{certificate.ExportCertificatePem()}\n";
    }
}
