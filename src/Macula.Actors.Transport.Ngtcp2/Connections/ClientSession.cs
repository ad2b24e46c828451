using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The client's end of a connection.</summary>
internal sealed unsafe class ClientSession : Session
{
    /// <summary>RFC 9000, section 7.2: at least 8, unpredictable.</summary>
    private const int FirstDestinationIdLength = 18;

    private readonly QuicConnectOptions _options;
    private readonly TlsCredentials _credentials;
    private readonly string _serverName;
    private bool _isConfirmed;

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
}
