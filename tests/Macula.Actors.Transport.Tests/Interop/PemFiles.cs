using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>The certificates of the specs as files, for programs of others.</summary>
internal sealed class PemFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("macula-interop-");

    public PemFiles()
    {
        var certificates = TestCertificates.Shared;
        Authority = Write("authority.pem", certificates.Roots[0].ExportCertificatePem());
        (Server, ServerKey) = (Write("server.pem", certificates.Server.ExportCertificatePem()),
            Write("server.key", Key(certificates.Server)));
        (Client, ClientKey) = (Write("client.pem", certificates.Client.ExportCertificatePem()),
            Write("client.key", Key(certificates.Client)));
        Stranger = Write("stranger.pem", TestCertificates.Stranger.Roots[0].ExportCertificatePem());
    }

    public string Folder => _folder.FullName;

    public string Authority { get; }

    public string Server { get; }

    public string ServerKey { get; }

    public string Client { get; }

    public string ClientKey { get; }

    /// <summary>An authority that signed none of the others.</summary>
    public string Stranger { get; }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Key(X509Certificate2 certificate) =>
        certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();
}
