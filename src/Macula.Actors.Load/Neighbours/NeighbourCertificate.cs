using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Neighbours;

/// <summary>The certificate that all neighbours show, made for the run: of the same kind as the node's own.</summary>
internal sealed class NeighbourCertificate : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("macula-load-neighbours-");
    private readonly byte[] _certificate;

    public NeighbourCertificate()
    {
        using var made = DevelopmentCertificate.LoadOrCreate(_directory.FullName);
        _certificate = made.RawData;
    }

    public string CertificateFile => Path.Combine(_directory.FullName, DevelopmentCertificate.CertificateFile);

    public string KeyFile => Path.Combine(_directory.FullName, DevelopmentCertificate.KeyFile);

    /// <summary>Whether a server shows this one.</summary>
    public bool Is(X509Certificate? shown) =>
        shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(_certificate);

    public void Dispose() => _directory.Delete(recursive: true);
}
