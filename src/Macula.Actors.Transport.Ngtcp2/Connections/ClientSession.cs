using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The client's end of a connection.</summary>
internal sealed unsafe class ClientSession : Session
{
    /// <summary>RFC 9000, section 7.2: at least 8, unpredictable.</summary>
    private const int FirstDestinationIdLength = 18;

    /// <summary>Nanoseconds for which a full window may stand still.</summary>
    private const ulong StandstillAfter = 5_000_000_000;

    /// <summary>Bytes; a packet that carries something may not fit in less of the window.</summary>
    private const ulong LeastRoom = 100;

    private readonly QuicConnectOptions _options;
    private readonly TlsCredentials _credentials;
    private readonly string _serverName;
    private bool _isConfirmed;
    private bool _hasMigrated;
    private ulong _standstillAt = Never;
    private ulong _inFlight;

    /// <exception cref="QuicTransportException">The library refuses.</exception>
    public ClientSession(
        Endpoint endpoint, QuicConnectOptions options, TlsCredentials credentials, string serverName,
        byte* remote, uint remoteLength)
        : base(endpoint, options, new ReadOnlySpan<byte>(remote, (int)remoteLength))
    {
        (_options, _credentials, _serverName) = (options, credentials, serverName);
        try
        {
            Settings settings;
            TransportParameters parameters;
            SessionSettings.Fill(options, Endpoint.Now, &settings, &parameters);
            var destinationId = SessionSettings.RandomId(FirstDestinationIdLength);
            var id = endpoint.Ids.New();
            var path = new NativePath
            {
                Local = endpoint.Socket.LocalAddress,
                Remote = { SocketAddress = remote, Length = remoteLength },
            };
            void* native;
            var result = QuicLibrary.ClientNew(
                &native, &destinationId, &id, &path, QuicLibrary.QuicVersion1, NativeCallbacks.Version,
                CallbackTables.Client, Settings.Version, &settings, TransportParameters.Version, &parameters, null,
                User);
            if (result != 0)
                throw new QuicTransportException(QuicTransportError.InternalError, QuicLibrary.Describe(result));
            Own(native);
            Adopt(native, TlsSession.ForClient(credentials, Reference, options.ApplicationProtocol, serverName));
            endpoint.Routes.Add(new CidKey(&id), this);
        }
        catch
        {
            Discard();
            throw;
        }
    }

    public override bool IsServer => false;

    /// <summary>Only now has the server accepted this side's certificate; "completed" comes before that.</summary>
    public override void OnHandshakeConfirmed()
    {
        _isConfirmed = true;
        Connection.OnReady();
    }

    protected override ulong StandstillAt => _standstillAt;

    // Answers to path challenges take up the window, and the library's loss timer is not for them: when those of a client
    // that was moved again and again get lost and fill a small window, neither data nor a PING leaves any more, ever. Where
    // the loss timer runs its probes change what is in flight. Backed off beyond this time it looks like none: then beginning
    // anew costs a connection id, of which the peer gave a few.
    protected override void WatchWindow(ulong now)
    {
        ConnectionInfo info;
        QuicLibrary.GetInfo(Native, ConnectionInfo.Version, &info);
        if (info.InFlight + LeastRoom < info.Window) _standstillAt = Never;
        else if (_standstillAt == Never || info.InFlight != _inFlight) _standstillAt = now + StandstillAfter;
        _inFlight = info.InFlight;
    }

    // A migration begins with an empty window. It is to the address where the client is, but the library only migrates to
    // another, so it is told another port, and then the true one.
    protected override void OnStandstill(ulong now)
    {
        _standstillAt = Never;
        if (!_isConfirmed) return;
        var local = stackalloc byte[SocketAddresses.Room];
        var remote = stackalloc byte[SocketAddresses.Room];
        var current = QuicLibrary.GetPath(Native);
        var path = new NativePath
        {
            Local = Copy(current->Local, local),
            Remote = Copy(current->Remote, remote),
        };
        local[SocketAddresses.PortAt] ^= 1;
        if (QuicLibrary.Migrate(Native, &path, now) != 0) return; // no connection id is left; the idle time-out decides
        local[SocketAddresses.PortAt] ^= 1;
        QuicLibrary.SetLocalAddress(Native, &path.Local);
        _hasMigrated = true;
        MarkDirty();
    }

    // Once the new path is validated the library thinks again that it is at the other port.
    protected override void BeforeRead(NativePath* path)
    {
        if (_hasMigrated) QuicLibrary.SetLocalAddress(Native, &path->Local);
    }

    protected override string? Judge(PeerCertificates certificates) =>
        certificates.Verify(_options.Trust, _serverName);

    protected override string? NameAskedFor(TlsSession tls) => _serverName;

    protected override void AfterHandshake(ulong now)
    {
        if (!_isConfirmed || !HasTls) return;
        FreeTls();
        _credentials.Dispose();
    }

    protected override Failure HandshakeTimedOut() =>
        new(QuicTransportError.ConnectionTimeout, $"{Remote.EndPoint} did not complete the handshake in time");

    protected override void OnEnded(Failure failure) => _credentials.Dispose();

    private static NativeAddress Copy(in NativeAddress from, byte* to)
    {
        SocketAddresses.Span(from).CopyTo(new Span<byte>(to, SocketAddresses.Room));
        return new NativeAddress { SocketAddress = to, Length = from.Length };
    }
}
