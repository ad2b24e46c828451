using System.Net;
using System.Text;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>One GnuTLS session in the service of a QUIC connection.</summary>
internal sealed unsafe class TlsSession : IDisposable
{
    // TLS 1.3 alone; without the middlebox mode, as RFC 9001, section 8.4, wants it.
    private static readonly byte[] PriorityText =
    [
        .. "%DISABLE_TLS13_COMPAT_MODE:NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"u8,
        .. "+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1\0"u8,
    ];

    private static readonly Lazy<nint> Priority = new(ParsePriority);

    private void* _handle;

    private TlsSession(uint role, TlsCredentials credentials, ConnectionReference* reference, string protocol)
    {
        void* handle;
        var result = TlsLibrary.Init(&handle, role | TlsLibrary.NoTickets | TlsLibrary.NoEndOfEarlyData);
        TlsLibrary.Check(result, "session");
        _handle = handle;
        Counters.TlsSession(1);
        try
        {
            TlsLibrary.Check(TlsLibrary.PrioritySet(handle, (void*)Priority.Value), "priority");
            TlsLibrary.SessionSetPointer(handle, reference);
            TlsLibrary.Check(
                TlsLibrary.CredentialsSet(handle, TlsLibrary.CredentialsCertificate, credentials.Handle),
                "credentials of a session");
            OfferProtocol(protocol);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void* Handle => _handle;

    public static TlsSession ForServer(
        TlsCredentials credentials, ConnectionReference* reference, string protocol, ClientCertificateMode mode)
    {
        var session = new TlsSession(TlsLibrary.Server, credentials, reference, protocol);
        var handle = session.Handle;
        session.Require(CryptoLibrary.ConfigureServerSession(handle));
        TlsLibrary.SetSecretFunction(handle, &KeyCallbacks.Secrets);
        TlsLibrary.HandshakeSetHook(
            handle, TlsLibrary.HandshakeClientHello, TlsLibrary.HookPost, &TlsCallbacks.AfterClientHello);
        if (mode == ClientCertificateMode.None) return session;
        TlsLibrary.ServerSetRequest(
            handle,
            mode == ClientCertificateMode.Require ? TlsLibrary.CertificateRequire : TlsLibrary.CertificateRequest);
        TlsLibrary.SetVerifyFunction(handle, &TlsCallbacks.Verify);
        return session;
    }

    public static TlsSession ForClient(
        TlsCredentials credentials, ConnectionReference* reference, string protocol, string serverName)
    {
        var session = new TlsSession(TlsLibrary.Client, credentials, reference, protocol);
        var handle = session.Handle;
        session.Require(CryptoLibrary.ConfigureClientSession(handle));
        TlsLibrary.SetSecretFunction(handle, &KeyCallbacks.Secrets);
        TlsLibrary.SetVerifyFunction(handle, &TlsCallbacks.Verify);
        if (IPAddress.TryParse(serverName, out _)) return session; // SNI has names only (RFC 6066, section 3)
        var name = Encoding.UTF8.GetBytes(serverName); // GnuTLS makes A-labels of it
        fixed (byte* start = name)
            _ = TlsLibrary.ServerNameSet(handle, TlsLibrary.NameDns, start, (nuint)name.Length);
        return session;
    }

    /// <summary>On the server, once the name that the client asks for is known and before a certificate is chosen: asks
    /// <see cref="ServerSession.SelectCertificate"/>.</summary>
    public void SelectByName() => TlsLibrary.SetAfterClientHello(_handle, &TlsCallbacks.SelectCertificate);

    /// <summary>In the place of those that it was made with.</summary>
    public void Use(TlsCredentials credentials) => TlsLibrary.Check(
        TlsLibrary.CredentialsSet(_handle, TlsLibrary.CredentialsCertificate, credentials.Handle),
        "credentials for a name");

    /// <summary>The negotiated ALPN, or null when there is none.</summary>
    public string? SelectedProtocol()
    {
        Datum protocol;
        return TlsLibrary.AlpnGetSelectedProtocol(_handle, &protocol) == 0
            ? Encoding.UTF8.GetString(protocol.Span)
            : null;
    }

    /// <summary>The name the client asked for; on the server only.</summary>
    public string? ServerName()
    {
        var buffer = stackalloc byte[256];
        nuint length = 256;
        uint type;
        return TlsLibrary.ServerNameGet(_handle, buffer, &length, &type, 0) == 0
            ? Text.FromPeer(new ReadOnlySpan<byte>(buffer, (int)length))
            : null;
    }

    /// <summary>The peer's certificates, DER, leaf first; copied, for GnuTLS owns the memory.</summary>
    public byte[][] PeerCertificates()
    {
        uint count;
        var first = TlsLibrary.GetPeerCertificates(_handle, &count);
        if (first == null) return [];
        var chain = new byte[count][];
        for (var i = 0; i < chain.Length; i++) chain[i] = first[i].Span.ToArray();
        return chain;
    }

    public void Dispose()
    {
        if (_handle == null) return;
        TlsLibrary.Deinit(_handle);
        _handle = null;
        Counters.TlsSession(-1);
    }

    private void Require(int result)
    {
        if (result == 0) return;
        Dispose();
        throw new QuicTransportException(QuicTransportError.InternalError, "GnuTLS could not be set up for QUIC");
    }

    private void OfferProtocol(string protocol)
    {
        if (protocol.Length == 0) return; // no user's options get here with it; specs play clients without ALPN
        var name = Encoding.UTF8.GetBytes(protocol);
        fixed (byte* start = name)
        {
            var datum = new Datum { Data = start, Size = (uint)name.Length };
            TlsLibrary.Check(
                TlsLibrary.AlpnSetProtocols(_handle, &datum, 1, TlsLibrary.AlpnMandatory), "application protocol");
        }
    }

    private static nint ParsePriority()
    {
        void* priority;
        byte* error;
        fixed (byte* text = PriorityText)
            TlsLibrary.Check(TlsLibrary.PriorityInit(&priority, text, &error), "priority text");
        return (nint)priority;
    }
}
