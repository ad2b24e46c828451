using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>What the peer showed as its certificates, and the verdict on it.</summary>
internal sealed class PeerCertificates(byte[][] chain) : IDisposable
{
    private readonly Lock _gate = new();
    private X509Certificate2? _leaf;
    private bool _disposed;

    /// <summary>Made when first asked for: it is a good part of the cost of a handshake.</summary>
    public X509Certificate2? Leaf
    {
        get
        {
            lock (_gate)
            {
                if (_disposed || chain.Length == 0) return _leaf;
                return _leaf ??= X509CertificateLoader.LoadCertificate(chain[0]);
            }
        }
    }

    /// <summary>Null when accepted, else why not.</summary>
    public string? Verify(QuicTrust trust, string? serverName)
    {
        if (ReferenceEquals(trust, QuicTrust.Anything)) return null;
        var others = new X509Certificate2Collection();
        try
        {
            foreach (var der in chain.Skip(1)) others.Add(X509CertificateLoader.LoadCertificate(der));
            return trust.Verify(Leaf, others, serverName);
        }
        catch (CryptographicException fault)
        {
            return $"the peer's certificate cannot be read: {fault.Message}";
        }
        finally
        {
            foreach (var other in others) other.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _leaf?.Dispose();
        }
    }
}
