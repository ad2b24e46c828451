using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport;

/// <summary>Which certificates of a peer are accepted. Every provider asks <see cref="Verify"/>, so that all judge
/// alike.</summary>
public sealed class QuicTrust
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2Collection? _roots;
    private readonly HashSet<string>? _fingerprints;
    private readonly bool _anything;

    private QuicTrust(X509Certificate2Collection? roots, HashSet<string>? fingerprints, bool anything) =>
        (_roots, _fingerprints, _anything) = (roots, fingerprints, anything);

    /// <summary>The operating system's trust store; a server's certificate must carry its name.</summary>
    public static QuicTrust System { get; } = new(null, null, false);

    /// <summary>Nothing is verified. For experiments on one machine.</summary>
    public static QuicTrust Anything { get; } = new(null, null, true);

    /// <summary>These roots and no others; a server's certificate must carry its name.</summary>
    public static QuicTrust Roots(X509Certificate2Collection roots) => new(roots, null, false);

    /// <summary>Exactly the leaf certificates with these SHA-256 fingerprints, whatever their names and issuers.
    /// </summary>
    /// <param name="fingerprints">64 hexadecimal digits each; colons and case do not matter.</param>
    /// <exception cref="FormatException">A fingerprint is not 64 hexadecimal digits.</exception>
    public static QuicTrust Pinned(params IEnumerable<string> fingerprints) =>
        new(null, [.. fingerprints.Select(Normalize)], false);

    /// <summary>The SHA-256 fingerprint of a certificate, 64 lower-case hexadecimal digits.</summary>
    public static string Fingerprint(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span));
    }

    /// <summary>Null when the certificate is accepted, else why not, in a sentence for the log.</summary>
    /// <param name="leaf">The peer's certificate, or null when it sent none.</param>
    /// <param name="others">What the peer sent beside it.</param>
    /// <param name="serverName">The name a server must carry; null when a client is judged.</param>
    public string? Verify(X509Certificate2? leaf, X509Certificate2Collection? others, string? serverName)
    {
        if (_anything) return null;
        if (leaf is null) return "the peer sent no certificate";
        if (_fingerprints is not null)
        {
            var found = Fingerprint(leaf);
            return _fingerprints.Contains(found) ? null : $"the certificate's fingerprint {found} is not a pinned one";
        }

        return Expiry(leaf) ?? ChainFault(leaf, others, serverName is null) ?? NameFault(leaf, serverName);
    }

    // A chain says the same in its library's words; the date is what an operator wants to know.
    private static string? Expiry(X509Certificate2 leaf)
    {
        var now = DateTime.Now;
        return now > leaf.NotAfter ? $"the certificate {leaf.Subject} expired on {Utc(leaf.NotAfter)}"
            : now < leaf.NotBefore ? $"the certificate {leaf.Subject} is not valid before {Utc(leaf.NotBefore)}"
            : null;

        static string Utc(DateTime local) => local.ToUniversalTime().ToString("u", CultureInfo.InvariantCulture);
    }

    private static string? NameFault(X509Certificate2 leaf, string? serverName) =>
        serverName is null || leaf.MatchesHostname(serverName)
            ? null
            : $"the certificate {leaf.Subject} is not for '{serverName}'";

    private string? ChainFault(X509Certificate2 leaf, X509Certificate2Collection? others, bool isClient)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // judged on a loop thread: no network here
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(
            new Oid(isClient ? ClientAuthentication : ServerAuthentication));
        if (others is not null) chain.ChainPolicy.ExtraStore.AddRange(others);
        if (_roots is not null)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(_roots);
        }

        if (chain.Build(leaf)) return null;
        var faults = chain.ChainStatus.Select(status => Told(status, leaf, isClient)).Distinct();
        return $"the certificate {leaf.Subject} is not trusted: {string.Join("; ", faults)}";
    }

    private static string Told(X509ChainStatus status, X509Certificate2 leaf, bool isClient) => status.Status switch
    {
        X509ChainStatusFlags.PartialChain => $"its issuer {leaf.Issuer} leads to no trusted root",
        X509ChainStatusFlags.UntrustedRoot => $"its root is not a trusted one (issuer {leaf.Issuer})",
        X509ChainStatusFlags.NotValidForUsage =>
            $"it is not for {(isClient ? "client" : "server")} authentication (extended key usage)",
        _ => status.StatusInformation.Trim(),
    };

    private static string Normalize(string fingerprint)
    {
        var digits = fingerprint.Replace(":", "", StringComparison.Ordinal).Trim().ToLowerInvariant();
        return digits.Length == 64 && digits.All(char.IsAsciiHexDigitLower)
            ? digits
            : throw new FormatException(
                $"'{fingerprint}' is no SHA-256 fingerprint; it must be 64 hexadecimal digits, colons allowed");
    }
}
