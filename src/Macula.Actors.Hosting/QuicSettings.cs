using System.Net;
using Akka.Configuration;
using Macula.Actors.Configuration;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Hosting;

/// <summary>The section <c>macula.quic</c>.</summary>
public sealed record QuicSettings
{
    private const int MaxListeners = 64;
    private static readonly TimeSpan ShortestReloadInterval = TimeSpan.FromSeconds(1);

    public required QuicProviderChoice Provider { get; init; }
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    /// <summary>PEM, or PKCS #12 and then without <see cref="KeyFile"/>; empty: the development certificate.</summary>
    public required string CertificateFile { get; init; }

    public required string KeyFile { get; init; }

    /// <summary>Of an encrypted key or a PKCS #12 file.</summary>
    public required string KeyPassword { get; init; }

    /// <summary>1 s to 24 h. Zero: the files are read again when told to, and not otherwise.</summary>
    public required TimeSpan CertificateReloadInterval { get; init; }

    public required ClientCertificateMode ClientCertificates { get; init; }

    /// <summary>PEM; empty: the system's trust store.</summary>
    public required string ClientCaFile { get; init; }

    public required TimeSpan IdleTimeout { get; init; }
    public required TimeSpan KeepAliveInterval { get; init; }
    public required TimeSpan HandshakeTimeout { get; init; }
    public required TimeSpan CloseTimeout { get; init; }
    public required int MaxStreamsPerConnection { get; init; }
    public required int StreamReceiveWindow { get; init; }
    public required int ConnectionReceiveWindow { get; init; }
    public required int AcceptBacklog { get; init; }

    /// <summary>Of the ngtcp2 provider, like all that follows. 0: as many as processors, 8 at most.</summary>
    public required int Loops { get; init; }

    public required RetryPolicy Retry { get; init; }

    public required int RetryMark { get; init; }
    public required TimeSpan RetryTokenLifetime { get; init; }
    public required int MaxHalfOpen { get; init; }
    public required int MaxHalfOpenPerAddress { get; init; }
    public required int MaxConnectionsPerAddress { get; init; }
    public required int MaxClosing { get; init; }

    /// <summary>Without the password, which must not get into a log.</summary>
    public override string ToString() => $"{nameof(QuicSettings)} {{ {nameof(Listen)} = {string.Join(", ", Listen)} }}";

    internal static QuicSettings Read(Config config, List<string> faults)
    {
        var read = new OptionsReader(config, "macula.quic");
        var settings = new QuicSettings
        {
            Provider = read.Enum<QuicProviderChoice>("provider"),
            Listen = EndPoints(read),
            CertificateFile = read.Text("certificate-file"),
            KeyFile = read.Text("key-file"),
            KeyPassword = read.Text("key-password"),
            CertificateReloadInterval = read.Duration(
                "certificate-reload-interval", TimeSpan.Zero, TimeSpan.FromHours(24)),
            ClientCertificates = read.Enum<ClientCertificateMode>("client-certificates"),
            ClientCaFile = read.Text("client-ca-file"),
            IdleTimeout = read.Duration("idle-timeout", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            KeepAliveInterval = read.Duration("keep-alive-interval", TimeSpan.Zero, TimeSpan.FromHours(1)),
            HandshakeTimeout = read.Duration(
                "handshake-timeout", TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
            CloseTimeout = read.Duration("close-timeout", TimeSpan.Zero, TimeSpan.FromMinutes(1)),
            MaxStreamsPerConnection = read.Int("max-streams-per-connection", 1, ushort.MaxValue),
            StreamReceiveWindow = read.Size("stream-receive-window", 4 << 10, 64 << 20),
            ConnectionReceiveWindow = read.Size("connection-receive-window", 16 << 10, 256 << 20),
            AcceptBacklog = read.Int("accept-backlog", 1, ushort.MaxValue),
            Loops = read.Int("loops", 0, 64),
            Retry = read.Enum<RetryPolicy>("retry"),
            RetryMark = read.Int("retry-mark", 0, 1_000_000),
            RetryTokenLifetime = read.Duration("retry-token-lifetime", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            MaxHalfOpen = read.Int("max-half-open", 1, 1_000_000),
            MaxHalfOpenPerAddress = read.Int("max-half-open-per-address", 0, 1_000_000),
            MaxConnectionsPerAddress = read.Int("max-connections-per-address", 0, 10_000_000),
            MaxClosing = read.Int("max-closing", 0, 1_000_000),
        };

        if (read.Faults.Count == 0) CheckTogether(read, settings); // a faulty value cannot be compared
        faults.AddRange(read.Faults);
        return settings;
    }

    private static void CheckTogether(OptionsReader read, QuicSettings quic)
    {
        if (QuicCertificates.IsPkcs12(quic.CertificateFile))
        {
            if (quic.KeyFile.Length > 0)
                read.Fault("key-file", quic.KeyFile, "none: the PKCS #12 file of certificate-file holds the key");
        }
        else if (quic.CertificateFile.Length == 0 != (quic.KeyFile.Length == 0))
        {
            read.Fault(
                quic.KeyFile.Length == 0 ? "key-file" : "certificate-file", "",
                "a file: certificate-file and key-file go together, unless certificate-file is PKCS #12 (.p12, .pfx)");
        }

        if (quic.KeyPassword.Length > 0 && quic.CertificateFile.Length == 0)
            read.Fault("certificate-file", "", "a file, since there is a key-password");
        if (quic.KeepAliveInterval >= quic.IdleTimeout)
            read.Fault("keep-alive-interval", read.Text("keep-alive-interval"), "less than idle-timeout");
        if (quic.ConnectionReceiveWindow < quic.StreamReceiveWindow)
            read.Fault(
                "connection-receive-window", read.Text("connection-receive-window"),
                "at least stream-receive-window");
        if (quic.CertificateReloadInterval > TimeSpan.Zero && quic.CertificateReloadInterval < ShortestReloadInterval)
            read.Fault("certificate-reload-interval", read.Text("certificate-reload-interval"), "0, or 1s to 24h");
        if (quic.Retry == RetryPolicy.UnderPressure) CheckLimits(read, quic);
    }

    // Up to the mark anybody can pretend to be at any address, fill a limit and lock others out.
    private static void CheckLimits(OptionsReader read, QuicSettings quic)
    {
        if (quic.MaxHalfOpen <= quic.RetryMark)
            read.Fault("max-half-open", read.Text("max-half-open"), "more than retry-mark");
        foreach (var (key, limit) in new[]
                 {
                     ("max-half-open-per-address", quic.MaxHalfOpenPerAddress),
                     ("max-connections-per-address", quic.MaxConnectionsPerAddress),
                 })
            if (limit > 0 && limit <= quic.RetryMark) read.Fault(key, read.Text(key), "0, or more than retry-mark");
    }

    /// <summary>What the ngtcp2 provider is made of.</summary>
    internal Ngtcp2Options Defence(byte[] secret) => new()
    {
        Loops = Loops,
        Retry = Retry,
        RetryMark = RetryMark,
        RetryTokenLifetime = RetryTokenLifetime,
        MaxHalfOpen = MaxHalfOpen,
        MaxHalfOpenPerAddress = MaxHalfOpenPerAddress,
        MaxConnectionsPerAddress = MaxConnectionsPerAddress,
        MaxClosing = MaxClosing,
        Secret = secret,
    };

    private static List<IPEndPoint> EndPoints(OptionsReader read)
    {
        List<IPEndPoint> endPoints = [];
        var texts = read.Texts("listen");
        foreach (var text in texts)
        {
            // IPEndPoint.Parse takes a bare address too, and would listen on a port that nobody named.
            var isPortNamed = text.StartsWith('[') || text.Count(letter => letter == ':') == 1;
            if (isPortNamed && IPEndPoint.TryParse(text, out var endPoint)
                && text.EndsWith($":{endPoint.Port}", StringComparison.Ordinal))
                endPoints.Add(endPoint);
            else
                read.Fault("listen", text, "IP addresses with a port from 0 to 65535, such as 0.0.0.0:9443 or [::]:9443");
        }

        if (texts.Count is 0 or > MaxListeners) read.Fault("listen", $"{texts.Count} addresses", $"1 to {MaxListeners}");
        return endPoints;
    }
}

/// <summary>Which QUIC a node uses.</summary>
public enum QuicProviderChoice
{
    /// <summary>The first that this machine can run: system, then ngtcp2.</summary>
    Auto,

    /// <summary>System.Net.Quic over libmsquic.</summary>
    System,

    /// <summary>libngtcp2 with GnuTLS.</summary>
    Ngtcp2,
}
