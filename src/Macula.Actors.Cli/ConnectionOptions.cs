using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Client;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Cli;

/// <summary>The options that all commands share: whom to talk to, as whom, and whom to trust.
/// </summary>
internal sealed class ConnectionOptions
{
    private const string DefaultServer = "127.0.0.1:9443";

    private readonly Option<string?> _server = new("--server", "--node", "-s")
    { Description = $"The gateway. Also MACULA_SERVER; default {DefaultServer}.", HelpName = "host:port", Recursive = true };

    private readonly Option<string?> _realm = new("--realm", "-r")
    { Description = "The realm. Also MACULA_REALM; default com.example.realm.", HelpName = "name", Recursive = true };

    private readonly Option<string?> _nodeId = new("--node-id")
    { Description = "Who this client is: a text, 64 hex digits, or 0x and hex digits. Default: random.", HelpName = "id", Recursive = true };

    private readonly Option<string?> _fingerprint = new("--fingerprint")
    {
        Description = "Trust exactly the certificate with this SHA-256 fingerprint. Also MACULA_FINGERPRINT.",
        HelpName = "hex",
        Recursive = true,
    };

    private readonly Option<string?> _ca = new("--ca")
    { Description = "Trust certificates that lead to the roots in this PEM file.", HelpName = "file", Recursive = true };

    private readonly Option<bool> _insecure = new("--insecure")
    { Description = "Trust any certificate. For experiments only.", Recursive = true };

    private readonly Option<string?> _quic = new("--quic")
    { Description = "Which QUIC to use: auto, ngtcp2 or system. Default auto.", HelpName = "name", Recursive = true };

    private readonly Option<TimeSpan?> _connectTimeout = new("--connect-timeout")
    {
        Description = "How long an attempt to connect may take. Default 5s.",
        HelpName = "time",
        Recursive = true,
        CustomParser = Durations.Parser("--connect-timeout"),
    };

    public void AddTo(Command command)
    {
        _quic.AcceptOnlyFromAmong("auto", "ngtcp2", "system");
        foreach (var option in (Option[])
            [_server, _realm, _nodeId, _fingerprint, _ca, _insecure, _quic, _connectTimeout])
            command.Options.Add(option);
    }

    /// <exception cref="UsageException">A value cannot work; the message names it and the fix.</exception>
    public Target Read(ParseResult parsed, CliHost host)
    {
        var given = parsed.GetValue(_server) ?? host.Variable("MACULA_SERVER");
        var server = given ?? DefaultServer;
        if (!server.Split(',').All(each => ServerAddress.TryParse(each, out _)))
            throw new UsageException($"--server is '{server}'; allowed: host or host:port, such as {DefaultServer}");

        var realm = parsed.GetValue(_realm) ?? host.Variable("MACULA_REALM") ?? new MaculaClientOptions().Realm;
        if (realm.Length == 0) throw new UsageException("--realm is empty; it must be the gateway's realm");

        var name = parsed.GetValue(_nodeId);
        var node = NodeId.Random();
        if (name is not null && !NodeId.TryParse(name, out node))
            throw new UsageException($"--node-id is '{name}'; allowed: 1 to 255 bytes of text, or 0x and hex digits");

        var (trust, why) = Trust(parsed, host, server);
        var options = new MaculaClientOptions
        {
            Server = server,
            Realm = realm,
            NodeId = node,
            Trust = trust,
            ConnectTimeout = parsed.GetValue(_connectTimeout) ?? TimeSpan.FromSeconds(5),
            ProviderName = parsed.GetValue(_quic) ?? "auto",
            Provider = host.Provider,
            TimeProvider = host.Time,
        };
        return new Target(options, why, given is not null);
    }

    private (QuicTrust Trust, string Why) Trust(ParseResult parsed, CliHost host, string server)
    {
        var (fingerprint, ca) = (parsed.GetValue(_fingerprint), parsed.GetValue(_ca));
        var insecure = parsed.GetValue(_insecure);
        if ((fingerprint is null ? 0 : 1) + (ca is null ? 0 : 1) + (insecure ? 1 : 0) > 1)
            throw new UsageException("--fingerprint, --ca and --insecure exclude each other; give one of them");

        if (insecure) return (QuicTrust.Anything, "any certificate is trusted (--insecure)");
        if (ca is not null) return (QuicTrust.Roots(Roots(ca)), $"trusted roots are those of {ca}");
        fingerprint ??= host.Variable("MACULA_FINGERPRINT");
        if (fingerprint is not null) return (Pinned(fingerprint), $"the certificate {fingerprint} alone is trusted");
        if (server.Split(',').All(IsLoopback) && LocalCertificate(host) is { } found) return found;
        return (QuicTrust.System, "the system's trust store decides");
    }

    private static QuicTrust Pinned(string fingerprint)
    {
        try
        {
            return QuicTrust.Pinned(fingerprint);
        }
        catch (FormatException error)
        {
            throw new UsageException($"--fingerprint: {error.Message}");
        }
    }

    private static X509Certificate2Collection Roots(string file)
    {
        if (file.Length == 0) throw new UsageException("--ca is empty; it must be a PEM file");

        try
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(file);
            return roots.Count > 0
                ? roots
                : throw new UsageException($"--ca is '{file}', which holds no certificate; it must be a PEM file");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new UsageException($"--ca is '{file}', which cannot be read: {error.Message}");
        }
    }

    private static bool IsLoopback(string server) =>
        ServerAddress.TryParse(server, out var endPoint) &&
        (endPoint is DnsEndPoint { Host: "localhost" } ||
            (endPoint is IPEndPoint { Address: var address } && IPAddress.IsLoopback(address)));

    // Only its owner can have put it there, and only this machine can be meant.
    private static (QuicTrust Trust, string Why)? LocalCertificate(CliHost host)
    {
        var directory = host.Variable("MACULA_DATA_DIR") ??
            (host.Variable("XDG_DATA_HOME") is { } data
                ? Path.Combine(data, "macula")
                : Path.Combine(host.Variable("HOME") ?? ".", ".local", "share", "macula"));
        var file = Path.Combine(directory, DevelopmentCertificate.CertificateFile);
        if (!File.Exists(file)) return null;

        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
            return (QuicTrust.Pinned(QuicTrust.Fingerprint(certificate)), $"the certificate in {file} is trusted");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new UsageException(
                $"{file} should hold the gateway's certificate, but cannot be read: {error.Message} " +
                "Give --fingerprint, --ca or --insecure instead");
        }
    }
}

/// <summary>Whom to connect to.</summary>
/// <param name="Why">Whom we trust and why, for error messages.</param>
/// <param name="IsGiven">Whether a server was named; otherwise it is the default one.</param>
internal sealed record Target(MaculaClientOptions Options, string Why, bool IsGiven);
