using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Quic;

/// <summary>TLS over TCP as our QUIC does it: version 1.3, AES-128-GCM, a full handshake each time, a pinned
/// certificate.</summary>
internal static class Tls
{
    private static readonly SslApplicationProtocol Alpn = new("macula");

    public static SslServerAuthenticationOptions Server(X509Certificate2 certificate) => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
        EnabledSslProtocols = SslProtocols.Tls13,
        CipherSuitesPolicy = Ciphers(),
        ApplicationProtocols = [Alpn],
        AllowTlsResume = false,
    };

    public static SslClientAuthenticationOptions Client(string fingerprint) => new()
    {
        TargetHost = "localhost",
        EnabledSslProtocols = SslProtocols.Tls13,
        CipherSuitesPolicy = Ciphers(),
        ApplicationProtocols = [Alpn],
        AllowTlsResume = false,
        CertificateChainPolicy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        },
        RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            certificate is X509Certificate2 leaf && QuicTrust.Fingerprint(leaf) == fingerprint,
    };

    private static CipherSuitesPolicy Ciphers() => OperatingSystem.IsLinux()
        ? new CipherSuitesPolicy([TlsCipherSuite.TLS_AES_128_GCM_SHA256])
        : throw new PlatformNotSupportedException("the QUIC benchmarks run on Linux only");
}
