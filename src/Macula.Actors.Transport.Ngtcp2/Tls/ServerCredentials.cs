using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>The certificates of a listener as GnuTLS wants them, each read once.</summary>
/// <remarks>Loop thread only, once the listener is there. Credentials outlive the handshakes that use them: those of a
/// certificate that nobody selects any more go when <see cref="MostIdle"/> others have taken their place.</remarks>
internal sealed class ServerCredentials(QuicListenOptions options) : IDisposable
{
    /// <summary>Certificates kept although no handshake uses them at the moment.</summary>
    public const int MostIdle = 16;

    private readonly LinkedList<Entry> _entries = new(); // the most recently used first

    /// <summary>What a handshake starts with.</summary>
    public TlsCredentials Default { get; } = new(options);

    /// <summary>Those of a certificate; <see cref="Release"/> them.</summary>
    /// <exception cref="QuicTransportException">The certificate cannot be used.</exception>
    public TlsCredentials Take(QuicIdentity identity)
    {
        if (ReferenceEquals(identity.Certificate, options.Certificate)) return Default;
        var node = _entries.First;
        while (node is not null && !ReferenceEquals(node.Value.Certificate, identity.Certificate)) node = node.Next;
        if (node is null)
        {
            var made = new TlsCredentials(identity.Certificate, identity.Intermediates);
            node = new LinkedListNode<Entry>(new Entry(identity.Certificate, made));
        }
        else
        {
            _entries.Remove(node);
        }

        node.Value.Users++;
        _entries.AddFirst(node);
        DropIdle();
        return node.Value.Credentials;
    }

    public void Release(TlsCredentials credentials)
    {
        foreach (var entry in _entries)
        {
            if (!ReferenceEquals(entry.Credentials, credentials)) continue;
            entry.Users--;
            DropIdle();
            return;
        }
    }

    public void Dispose()
    {
        Default.Dispose();
        foreach (var entry in _entries) entry.Credentials.Dispose();
        _entries.Clear();
    }

    private void DropIdle()
    {
        var idle = 0;
        var node = _entries.First;
        while (node is not null)
        {
            var (current, next) = (node.Value, node.Next);
            if (current.Users == 0 && ++idle > MostIdle)
            {
                _entries.Remove(node);
                current.Credentials.Dispose();
            }

            node = next;
        }
    }

    private sealed class Entry(X509Certificate2 certificate, TlsCredentials credentials)
    {
        public X509Certificate2 Certificate => certificate;

        public TlsCredentials Credentials => credentials;

        public int Users { get; set; }
    }
}
