using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.SystemNetQuic;

/// <summary>Our options in System.Net.Quic's terms.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class SystemQuicSettings
{
    /// <summary>Made once for each certificate, and gone with it.</summary>
    private static readonly ConditionalWeakTable<X509Certificate2, SslStreamCertificateContext> Contexts = [];

    /// <param name="onRefusal">Told why a client's certificate is refused.</param>
    public static QuicServerConnectionOptions ForServer(QuicListenOptions options, Action<string> onRefusal)
    {
        var settings = new QuicServerConnectionOptions
        {
            ServerAuthenticationOptions = new SslServerAuthenticationOptions
            {
                ApplicationProtocols = [new SslApplicationProtocol(options.ApplicationProtocol)],
                ServerCertificateContext = Context(options),
                ClientCertificateRequired = options.ClientCertificates != ClientCertificateMode.None,
                CertificateChainPolicy = OfflinePolicy(),
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    if (certificate is null && options.ClientCertificates == ClientCertificateMode.Allow) return true;
                    var fault = certificate is null
                        ? "it sent no certificate"
                        : Judge(options.ClientTrust, certificate, chain, null);
                    if (fault is not null) onRefusal($"the server refuses the client: {fault}");
                    return fault is null;
                },
            },
        };
        Fill(settings, options);
        return settings;
    }

    /// <param name="onRefusal">Told why the server's certificate is refused.</param>
    public static QuicClientConnectionOptions ForClient(
        QuicConnectOptions options, EndPoint target, string serverName, Action<string> onRefusal)
    {
        var settings = new QuicClientConnectionOptions
        {
            RemoteEndPoint = target,
            ClientAuthenticationOptions = new SslClientAuthenticationOptions
            {
                ApplicationProtocols = [new SslApplicationProtocol(options.ApplicationProtocol)],
                TargetHost = serverName,
                ClientCertificateContext = options.Certificate is null ? null : Context(options),
                CertificateChainPolicy = OfflinePolicy(),
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    var fault = Judge(options.Trust, certificate, chain, serverName);
                    if (fault is not null) onRefusal($"the client refuses the server: {fault}");
                    return fault is null;
                },
            },
        };
        Fill(settings, options);
        return settings;
    }

    private static void Fill(System.Net.Quic.QuicConnectionOptions settings, QuicConnectionOptions options)
    {
        // A zero means "never" to us, and "MsQuic's default" to System.Net.Quic.
        settings.IdleTimeout = OrNever(options.IdleTimeout);
        settings.KeepAliveInterval = OrNever(options.KeepAliveInterval);
        settings.HandshakeTimeout = options.HandshakeTimeout;
        settings.DefaultCloseErrorCode = options.DefaultCloseErrorCode;
        settings.DefaultStreamErrorCode = options.DefaultStreamErrorCode;
        settings.MaxInboundBidirectionalStreams = options.MaxInboundStreams;

        // With no inbound streams at all System.Net.Quic refuses to accept, and we would not hear of the end.
        settings.MaxInboundUnidirectionalStreams = options.MaxInboundStreams == 0
            ? Math.Max(1, options.MaxInboundUnidirectionalStreams)
            : options.MaxInboundUnidirectionalStreams;

        var stream = PowerOfTwo(options.StreamReceiveWindow);
        settings.InitialReceiveWindowSizes = new QuicReceiveWindowSizes
        {
            Connection = PowerOfTwo(options.ConnectionReceiveWindow),
            LocallyInitiatedBidirectionalStream = stream,
            RemotelyInitiatedBidirectionalStream = stream,
            UnidirectionalStream = options.MaxInboundUnidirectionalStreams == 0 ? PowerOfTwo(1024) : stream,
        };
    }

    private static string? Judge(QuicTrust trust, X509Certificate? certificate, X509Chain? chain, string? serverName)
    {
        if (certificate is null) return trust.Verify(null, null, serverName);
        using var copy = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        var others = new X509Certificate2Collection();
        if (chain is not null)
        {
            others.AddRange(chain.ChainPolicy.ExtraStore);
            foreach (var element in chain.ChainElements) others.Add(element.Certificate);
        }

        return trust.Verify(copy, others, serverName);
    }

    private static SslStreamCertificateContext Context(QuicConnectionOptions options) => Contexts.GetValue(
        options.Certificate!,
        certificate => SslStreamCertificateContext.Create(certificate, options.Intermediates, offline: true));

    /// <summary>System.Net.Quic builds a chain before it asks us; without this it might fetch certificates.</summary>
    private static X509ChainPolicy OfflinePolicy() => new()
    {
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    /// <summary>The largest power of two that is not above; MsQuic takes no others.</summary>
    private static int PowerOfTwo(int window) => 1 << BitOperations.Log2((uint)window);

    private static TimeSpan OrNever(TimeSpan time) => time == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : time;
}
