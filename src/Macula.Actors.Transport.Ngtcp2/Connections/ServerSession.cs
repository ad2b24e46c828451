using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The server's end of a connection.</summary>
internal sealed unsafe class ServerSession : Session
{
    private const int TokenTypeRetry = 1;

    private readonly Acceptor _acceptor;
    private readonly CidKey _clientsFirstId;
    private readonly AddressKey _origin;
    private TlsCredentials? _selected;
    private bool _announced;

    /// <param name="originalId">The id that the client picked before it came back with a Retry token that is good; null
    /// when it has not proved its address.</param>
    /// <exception cref="QuicTransportException">The library refuses.</exception>
    public ServerSession(Acceptor acceptor, PacketHeader* header, NativeCid* originalId, NativePath* path, ulong now)
        : base(acceptor.Endpoint, acceptor.Options, SocketAddresses.Span(path->Remote))
    {
        _acceptor = acceptor;
        _origin = AddressKey.Of(path->Remote);
        _clientsFirstId = new CidKey(&header->DestinationId);
        try
        {
            Settings settings;
            TransportParameters parameters;
            SessionSettings.Fill(Options, now, &settings, &parameters);
            parameters.OriginalDestinationId = header->DestinationId;
            parameters.OriginalDestinationIdPresent = 1;
            if (originalId != null)
            {
                // Only a token that was checked: the library takes the address for proved.
                settings.Token = header->Token;
                settings.TokenType = TokenTypeRetry;
                parameters.OriginalDestinationId = *originalId;
                parameters.RetrySourceId = header->DestinationId;
                parameters.RetrySourceIdPresent = 1;
            }

            var id = Endpoint.Ids.New();
            parameters.StatelessResetTokenPresent = 1;
            Endpoint.ResetTokens.Write(&id, parameters.StatelessResetToken);
            void* native;
            var result = QuicLibrary.ServerNew(
                &native, &header->SourceId, &id, path, header->Version, NativeCallbacks.Version,
                CallbackTables.Server, Settings.Version, &settings, TransportParameters.Version, &parameters, null,
                User);
            if (result != 0)
                throw new QuicTransportException(QuicTransportError.InternalError, QuicLibrary.Describe(result));
            Own(native);
            var tls = TlsSession.ForServer(
                acceptor.Credentials.Default, Reference, Options.ApplicationProtocol,
                acceptor.Options.ClientCertificates);
            if (acceptor.Options.CertificateSelector is not null) tls.SelectByName();
            Adopt(native, tls);
            Endpoint.Routes.Add(new CidKey(&id), this);
            Endpoint.Routes.Add(_clientsFirstId, this); // used until the client hears from us
        }
        catch
        {
            Discard();
            throw;
        }
    }

    public override bool IsServer => true;

    /// <summary>Where it came from first; it is counted there, wherever it moves.</summary>
    public AddressKey Origin => _origin;

    /// <summary>In the handshake, when the client's first message is read.</summary>
    public void SelectCertificate()
    {
        Release(); // a second ClientHello, after a HelloRetryRequest
        _selected = _acceptor.Credentials.Take(_acceptor.Options.CertificateSelector!(Tls!.ServerName()));
        Tls.Use(_selected);
    }

    protected override string? Judge(PeerCertificates certificates) =>
        certificates.Leaf is null && _acceptor.Options.ClientCertificates == ClientCertificateMode.Allow
            ? null
            : certificates.Verify(_acceptor.Options.ClientTrust, serverName: null);

    protected override string? NameAskedFor(TlsSession tls) => tls.ServerName();

    protected override void AfterHandshake(ulong now)
    {
        if (_announced) return;
        _announced = true;
        SessionSettings.WidenIdLimit(Native);
        FreeTls();
        Release();
        if (!_acceptor.Announce(this))
            FailWith(new Failure(QuicTransportError.ConnectionRefused, "the accept backlog is full"), now);
    }

    protected override void AskForAddress(byte* data, int length, NativePath* path) =>
        _acceptor.Retry(data, length, path);

    protected override void AddFirstIds(List<CidKey> ids) => ids.Add(_clientsFirstId);

    protected override void OnEnded(Failure failure)
    {
        Release();
        _acceptor.OnSessionEnded(this, _announced, failure);
    }

    private void Release()
    {
        if (_selected is null) return;
        _acceptor.Credentials.Release(_selected);
        _selected = null;
    }
}
