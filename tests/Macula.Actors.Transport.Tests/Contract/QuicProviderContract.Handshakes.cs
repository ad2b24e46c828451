using System.Net;

namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    /// <summary>Whether the listener hears of a client that offers another protocol. Not so in System.Net.Quic: MsQuic
    /// turns it away before anybody is asked.</summary>
    protected virtual bool ListenerHearsOfAlpnMismatch => true;

    [ContractFact]
    [Trait("Defect", "D47")]
    public async Task A_server_with_an_unknown_issuer_is_refused()
    {
        var (listener, failures) = await ListenForFailuresAsync();

        await FailsAsync(QuicTransportError.AuthenticationFailed,
            () => ConnectAsync(listener, options => options with { Trust = TestCertificates.Stranger.Trust }));

        Assert.NotEmpty(await failures.WaitAsync(Soon));
    }

    [ContractFact]
    [Trait("Defect", "D47")]
    public async Task A_server_with_another_name_is_refused()
    {
        var listener = await ListenAsync();

        var thrown = await FailsAsync(QuicTransportError.AuthenticationFailed,
            () => ConnectAsync(listener, options => options with { ServerName = "elsewhere.example" }));

        Assert.Contains("elsewhere.example", thrown.Message, StringComparison.Ordinal);
    }

    [ContractFact]
    public async Task A_pinned_server_is_accepted_whatever_its_name()
    {
        var listener = await ListenAsync();
        var pin = QuicTrust.Fingerprint(TestCertificates.Shared.Server);

        var client = await ConnectAsync(listener,
            options => options with { ServerName = "elsewhere.example", Trust = QuicTrust.Pinned(pin) });

        Assert.Equal(TestCertificates.Shared.Server.RawData, client.RemoteCertificate?.RawData);
    }

    [ContractFact]
    [Trait("Defect", "D47")]
    public async Task A_server_that_is_not_pinned_is_refused()
    {
        var listener = await ListenAsync();

        await FailsAsync(QuicTransportError.AuthenticationFailed,
            () => ConnectAsync(listener, options => options with { Trust = QuicTrust.Pinned(new string('0', 64)) }));
    }

    [ContractFact]
    public async Task A_refused_server_goes_on_to_serve_others()
    {
        var listener = await ListenAsync();
        await FailsAsync(QuicTransportError.AuthenticationFailed,
            () => ConnectAsync(listener, options => options with { Trust = TestCertificates.Stranger.Trust }));

        var accepting = AcceptAsync(listener);
        var client = await ConnectAsync(listener);

        Assert.Equal(client.LocalEndPoint.Port, (await accepting).RemoteEndPoint.Port);
    }

    [ContractFact]
    public async Task No_common_protocol_fails_on_both_sides()
    {
        var (listener, failures) = await ListenForFailuresAsync();

        await FailsAsync(QuicTransportError.AlpnMismatch,
            () => ConnectAsync(listener, options => options with { ApplicationProtocol = "other" }));

        if (ListenerHearsOfAlpnMismatch) Assert.NotEmpty(await failures.WaitAsync(Soon));
    }

    [ContractFact]
    public async Task A_client_is_known_by_its_certificate()
    {
        var (_, server) = await PairAsync(RequireClients, WithClientCertificate);

        Assert.Equal(TestCertificates.Shared.Client.RawData, server.RemoteCertificate?.RawData);
    }

    [ContractFact]
    public async Task A_client_without_a_needed_certificate_is_turned_away()
    {
        var (listener, failures) = await ListenForFailuresAsync(RequireClients);

        await IsTurnedAwayAsync(listener, options => options, QuicTransportError.AuthenticationFailed);

        Assert.NotEmpty(await failures.WaitAsync(Soon));
    }

    [ContractFact]
    [Trait("Defect", "D47")]
    public async Task A_client_with_a_strangers_certificate_is_turned_away()
    {
        var (listener, failures) = await ListenForFailuresAsync(RequireClients);

        await IsTurnedAwayAsync(listener,
            options => options with { Certificate = TestCertificates.Stranger.Client },
            QuicTransportError.AuthenticationFailed);

        Assert.NotEmpty(await failures.WaitAsync(Soon));
    }

    [ContractFact]
    public async Task Where_a_certificate_is_optional_a_client_needs_none()
    {
        var (_, server) = await PairAsync(AllowClients);

        Assert.Null(server.RemoteCertificate);
    }

    [ContractFact]
    public async Task Where_a_certificate_is_optional_a_good_one_is_seen()
    {
        var (_, server) = await PairAsync(AllowClients, WithClientCertificate);

        Assert.Equal(TestCertificates.Shared.Client.RawData, server.RemoteCertificate?.RawData);
    }

    [ContractFact]
    public async Task Where_a_certificate_is_optional_a_bad_one_is_turned_away()
    {
        var listener = await ListenAsync(AllowClients);

        await IsTurnedAwayAsync(listener,
            options => options with { Certificate = TestCertificates.Stranger.Client },
            QuicTransportError.AuthenticationFailed);
    }

    [ContractFact]
    public async Task Intermediate_certificates_are_sent_along()
    {
        using var root = TestCertificates.CreateChain(out var intermediate, out var leaf);
        var listener = await ListenAsync(
            options => options with { Certificate = leaf, Intermediates = [intermediate] });

        var client = await ConnectAsync(listener, options => options with { Trust = QuicTrust.Roots([root]) });

        Assert.Equal(leaf.RawData, client.RemoteCertificate?.RawData);
    }

    [ContractFact]
    public async Task Nobody_listening_is_an_error()
    {
        var listener = await ListenAsync();
        var address = listener.LocalEndPoint;
        await listener.DisposeAsync();

        var connecting = Provider.ConnectAsync(ConnectOptions(address) with { HandshakeTimeout = ShortIdle }).AsTask();
        Advance(ShortIdle * 2);

        var thrown = await Assert.ThrowsAsync<QuicTransportException>(() => connecting.WaitAsync(Soon));
        Assert.Contains(thrown.Error, // a loopback tells at once that the port is closed, a network may not
            new[] { QuicTransportError.ConnectionRefused, QuicTransportError.ConnectionTimeout });
    }

    [ContractFact]
    public async Task A_peer_that_never_answers_is_given_up()
    {
        var options = ConnectOptions(new IPEndPoint(IPAddress.Loopback, 1)) with
        {
            EndPoint = SilentEndPoint(),
            HandshakeTimeout = ShortIdle,
        };
        var connecting = Provider.ConnectAsync(options).AsTask();
        Advance(ShortIdle * 2);

        await FailsAsync(QuicTransportError.ConnectionTimeout, () => connecting);
    }

    [ContractFact]
    public async Task Beyond_the_backlog_connections_are_refused()
    {
        var listener = await ListenAsync(options => options with { AcceptBacklog = 8 });
        for (var i = 0; i < 8; i++) await ConnectAsync(listener);

        await IsTurnedAwayAsync(listener, options => options, QuicTransportError.ConnectionRefused);

        for (var i = 0; i < 8; i++) await AcceptAsync(listener);
        await ConnectAsync(listener);
        await AcceptAsync(listener);
    }

    [ContractFact]
    public async Task Options_that_cannot_work_are_named()
    {
        var thrown = await FailsAsync(QuicTransportError.InvalidConfiguration,
            () => Provider.ListenAsync(ListenOptions with { Certificate = null, AcceptBacklog = 0 }).AsTask());

        Assert.Contains(nameof(QuicListenOptions.Certificate), thrown.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(QuicListenOptions.AcceptBacklog), thrown.Message, StringComparison.Ordinal);
    }

    private static QuicListenOptions RequireClients(QuicListenOptions options) => options with
    {
        ClientCertificates = ClientCertificateMode.Require,
        ClientTrust = TestCertificates.Shared.Trust,
    };

    private static QuicListenOptions AllowClients(QuicListenOptions options) =>
        RequireClients(options) with { ClientCertificates = ClientCertificateMode.Allow };

    private static QuicConnectOptions WithClientCertificate(QuicConnectOptions options) =>
        options with { Certificate = TestCertificates.Shared.Client };

    /// <summary>A listener, and the reason of the first failed handshake.</summary>
    private async Task<(IQuicListener Listener, Task<string> Failure)> ListenForFailuresAsync(
        Func<QuicListenOptions, QuicListenOptions>? with = null)
    {
        var failure = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var listener = await ListenAsync(options => (with?.Invoke(options) ?? options) with
        {
            OnHandshakeFailed = (_, reason) => failure.TrySetResult(reason),
        });
        return (listener, failure.Task);
    }

    /// <summary>A client may have finished its part of the handshake before the server judges it (RFC 8446, section
    /// 4.4.2.4): either connecting fails, or the connection ends at once, for the same reason.</summary>
    private async Task IsTurnedAwayAsync(
        IQuicListener listener, Func<QuicConnectOptions, QuicConnectOptions> with, QuicTransportError error)
    {
        IQuicConnection client;
        try
        {
            client = await ConnectAsync(listener, with);
        }
        catch (QuicTransportException thrown)
        {
            Assert.True(error == thrown.Error, $"expected {error}, got {thrown.Error}: {thrown.Message}");
            return;
        }

        var closed = await client.Closed.WaitAsync(Soon);
        Assert.True(error == closed.Error, $"expected {error}, got {closed}");
        Assert.True(closed.ByPeer);
    }
}
