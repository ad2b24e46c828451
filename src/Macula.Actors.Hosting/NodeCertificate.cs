using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;

namespace Macula.Actors.Hosting;

/// <summary>The certificate that a node shows, and where it is from.</summary>
/// <param name="Leaf">With its private key.</param>
/// <param name="Intermediates">What is sent along, between the leaf and its root.</param>
/// <param name="Source">For the operator: the file it is from, or that it is the development certificate.</param>
internal sealed record NodeCertificate(
    X509Certificate2 Leaf, X509Certificate2Collection Intermediates, string Source)
{
    /// <exception cref="MaculaStartException">A file is not there, not PEM, or holds no matching key.</exception>
    public static NodeCertificate Load(MaculaSettings settings)
    {
        if (settings.Options.Certificate is { } given) return new(given, [], "given by code");
        if (settings.Quic.CertificateFile.Length > 0) return FromFiles(settings.Quic);

        NodeFolder.Ensure(settings.DataDirectory);
        var development = Guarded(
            $"The development certificate in {settings.DataDirectory}",
            () => DevelopmentCertificate.LoadOrCreate(settings.DataDirectory));
        return new(development, [], $"development certificate in {settings.DataDirectory}");
    }

    /// <summary>Which client certificates are accepted where they are asked for.</summary>
    /// <exception cref="MaculaStartException">The file of roots is not there or not PEM.</exception>
    public static QuicTrust ClientTrust(QuicSettings quic)
    {
        if (quic.ClientCaFile.Length == 0) return QuicTrust.System;

        var roots = Guarded($"client-ca-file {quic.ClientCaFile}", () => Certificates(quic.ClientCaFile));
        return roots.Count > 0
            ? QuicTrust.Roots(roots)
            : throw new MaculaStartException($"client-ca-file {quic.ClientCaFile} holds no certificate in PEM.");
    }

    private static NodeCertificate FromFiles(QuicSettings quic) => Guarded(
        $"The certificate {quic.CertificateFile} with the key {quic.KeyFile}",
        () =>
        {
            var leaf = X509Certificate2.CreateFromPemFile(quic.CertificateFile, quic.KeyFile);
            var others = Certificates(quic.CertificateFile);
            others.RemoveAt(0); // the leaf comes first in a chain file (RFC 8446, section 4.4.2)
            return new NodeCertificate(leaf, others, quic.CertificateFile);
        });

    private static X509Certificate2Collection Certificates(string file)
    {
        X509Certificate2Collection certificates = [];
        certificates.ImportFromPemFile(file);
        return certificates;
    }

    private static T Guarded<T>(string what, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (Exception fault)
            when (fault is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new MaculaStartException($"{what} cannot be used: {fault.Message}", fault);
        }
    }
}
