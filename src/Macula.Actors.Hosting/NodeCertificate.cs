using Macula.Actors.Transport;

namespace Macula.Actors.Hosting;

/// <summary>The certificate that a node shows, and where it is from.</summary>
/// <param name="Identity">With the private key, and what is sent along.</param>
/// <param name="Source">For the operator: the file it is from, or that it is the development certificate.</param>
internal sealed record NodeCertificate(QuicIdentity Identity, string Source)
{
    /// <exception cref="QuicTransportException">A file is not there, cannot be read, or the key does not fit; the message
    /// names it and says what to do.</exception>
    public static NodeCertificate Load(MaculaSettings settings)
    {
        var quic = settings.Quic;
        if (settings.Options.Certificate is { } given) return new(new QuicIdentity(given, []), "given by code");
        if (quic.CertificateFile.Length > 0)
        {
            var identity = QuicCertificates.IsPkcs12(quic.CertificateFile)
                ? QuicCertificates.LoadPkcs12(quic.CertificateFile, quic.KeyPassword)
                : QuicCertificates.Load(quic.CertificateFile, quic.KeyFile, quic.KeyPassword);
            return new(identity, quic.CertificateFile);
        }

        var development = DevelopmentCertificate.LoadOrCreate(settings.DataDirectory);
        return new(
            new QuicIdentity(development, []),
            $"for development, kept in {Path.Combine(settings.DataDirectory, DevelopmentCertificate.CertificateFile)}");
    }

    /// <summary>Which client certificates are accepted where they are asked for.</summary>
    /// <exception cref="QuicTransportException">The file of roots is not there or not PEM.</exception>
    public static QuicTrust ClientTrust(QuicSettings quic) => quic.ClientCaFile.Length == 0
        ? QuicTrust.System
        : QuicTrust.Roots(QuicCertificates.LoadRoots(quic.ClientCaFile));
}
