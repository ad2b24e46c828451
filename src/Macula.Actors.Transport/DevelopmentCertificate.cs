using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport;

/// <summary>A self-signed certificate for trying things out, made at the first start and kept.</summary>
/// <remarks>ECDSA P-256, for server and client authentication, valid for ten years, made anew when less than 30 days
/// are left or a name is missing. It carries localhost, 127.0.0.1, ::1, the machine's name and the names asked for.
/// Clients trust it by <see cref="QuicTrust.Pinned"/>, or by its file as a root.</remarks>
public static class DevelopmentCertificate
{
    public const string CertificateFile = "development.crt.pem";
    public const string KeyFile = "development.key.pem";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    /// <summary>The certificate of a directory; makes both where there is none.</summary>
    /// <param name="directory">Made with mode 0700 if it does not exist. The key file has mode 0600.</param>
    /// <param name="hostNames">Names and addresses beside the usual ones; may be empty.</param>
    /// <param name="time">Decides when it is renewed; default: the system's clock.</param>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names the file and what to do.</exception>
    public static X509Certificate2 LoadOrCreate(
        string directory, IEnumerable<string>? hostNames = null, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        var now = (time ?? TimeProvider.System).GetUtcNow();
        var names = AllNames(hostNames ?? []);
        var certificatePath = Path.Combine(directory, CertificateFile);
        var keyPath = Path.Combine(directory, KeyFile);
        try
        {
            // Without the lock first: what is there may lie in a directory that cannot be written.
            if (Keep(certificatePath, keyPath, names, now, isLocked: false) is { } kept) return kept;
            MakeDirectory(directory);
            using var guard = Lock(Path.Combine(directory, ".lock"));
            if (Keep(certificatePath, keyPath, names, now, isLocked: true) is { } made) return made;
            return Create(certificatePath, keyPath, names, now);
        }
        catch (Exception error)
            when (error is (IOException and not QuicTransportException) or UnauthorizedAccessException)
        {
            throw QuicCertificates.Fault(
                $"the development certificate cannot be kept in {Path.GetFullPath(directory)}: {error.Message}; "
                + $"make the directory writable for user {Environment.UserName}, or name another one", error);
        }
    }

    /// <summary>What is there, if it will do.</summary>
    private static X509Certificate2? Keep(
        string certificatePath, string keyPath, string[] names, DateTimeOffset now, bool isLocked)
    {
        if (!File.Exists(certificatePath) || !File.Exists(keyPath)) return null;
        X509Certificate2 found;
        try
        {
            found = Load(certificatePath, keyPath);
        }
        catch (QuicTransportException) when (!isLocked)
        {
            return null; // another process may be replacing the pair; the lock will tell
        }

        if (found.NotAfter.ToUniversalTime() - now.UtcDateTime >= RenewBefore && Carries(found, names)) return found;
        found.Dispose();
        return null;
    }

    private static X509Certificate2 Load(string certificatePath, string keyPath)
    {
        try
        {
            return QuicCertificates.Load(certificatePath, keyPath).Certificate;
        }
        catch (QuicTransportException error)
        {
            throw QuicCertificates.Fault($"{error.Message}; or delete {certificatePath} and {keyPath}, "
                + "then new ones are made at the next start", error);
        }
    }

    private static X509Certificate2 Create(string certificatePath, string keyPath, string[] names, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Macula development", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        // No key usage: one that cannot sign certificates keeps OpenSSL and BoringSSL from taking it as its own root.
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false)); // server, client
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(AlternativeNames(names));

        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10)); // a day for clocks that differ
        WriteKey(keyPath, key.ExportPkcs8PrivateKeyPem());
        Write(certificatePath, made.ExportCertificatePem(), mode: null);
        return Load(certificatePath, keyPath);
    }

    private static void WriteKey(string path, string pem) => Write(path, pem, OwnerOnly);

    /// <summary>Whole or not at all: written beside, then renamed. The mode is there from the first byte on.</summary>
    private static void Write(string path, string text, UnixFileMode? mode)
    {
        var beside = path + ".new";
        File.Delete(beside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (mode is not null && !OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using (var writer = new StreamWriter(beside, options)) writer.Write(text);
        File.Move(beside, path, overwrite: true);
    }

    private static void MakeDirectory(string directory)
    {
        if (Directory.Exists(directory)) return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
    }

    /// <summary>Two nodes that start at once must end with one certificate.</summary>
    private static FileStream Lock(string path)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(5))
            {
                Thread.Sleep(20); // another process makes its certificate, which takes milliseconds
            }
        }
    }

    private static string[] AllNames(IEnumerable<string> hostNames)
    {
        string[] usual = ["localhost", "127.0.0.1", "::1", Environment.MachineName];
        return [.. usual.Concat(hostNames).Where(name => name.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase)];
    }

    private static bool Carries(X509Certificate2 certificate, string[] names) =>
        names.All(name => certificate.MatchesHostname(name));

    private static X509Extension AlternativeNames(string[] names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
                builder.AddIpAddress(address);
            else
                builder.AddDnsName(name);
        }

        return builder.Build();
    }
}
