namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>What to install where libraries are missing.</summary>
internal static class Advice
{
    private const string Packages = "libngtcp2-16 libngtcp2-crypto-gnutls8";

    public static string ForThisMachine()
    {
        try
        {
            return For(File.ReadAllLines("/etc/os-release"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return For([]);
        }
    }

    /// <param name="osRelease">The lines of os-release(5).</param>
    internal static string For(IReadOnlyCollection<string> osRelease)
    {
        var (id, version) = (Value("ID"), Value("VERSION_ID"));
        return (id, version) switch
        {
            ("debian", "12") =>
                "add the suite bookworm-backports to the apt sources, then: apt-get install -t " +
                $"bookworm-backports {Packages}",
            ("debian", _) => $"apt-get install {Packages}",
            _ => "install ngtcp2 1.11 or later with its GnuTLS helper: " +
                $"{QuicLibrary.File}, {CryptoLibrary.File} and {TlsLibrary.File}",
        };

        string? Value(string key) => osRelease
            .Where(line => line.StartsWith(key + "=", StringComparison.Ordinal))
            .Select(line => line[(key.Length + 1)..].Trim('"'))
            .FirstOrDefault();
    }
}
