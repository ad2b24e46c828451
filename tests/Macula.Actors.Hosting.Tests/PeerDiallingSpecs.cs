using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests;
using Microsoft.Extensions.DependencyInjection;
using static Macula.Actors.Mesh.MeshProtocol;

namespace Macula.Actors.Hosting.Tests;

/// <summary>The mesh pool over real QUIC and TLS on loopback, dialling as the settings say.</summary>
[Trait("Defect", "D47")]
public sealed class PeerDiallingSpecs : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private static readonly TestCertificates Ours = TestCertificates.Shared;

    private readonly TemporaryFolder _folder = new();
    private readonly Ngtcp2Provider _quic = new();
    private readonly ActorSystem _system = ActorSystem.Create("mesh", "akka.loglevel = ERROR");
    private IQuicListener _listener = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _system.Terminate().WaitAsync(Deadline);
        await _listener.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_peer_is_trusted_by_its_root_and_answers()
    {
        await Listen(Ours.Server);
        var (pool, address) = Pool(Roots());
        var asking = Exchange(pool, address);
        await using var connection = await _listener.AcceptConnectionAsync().AsTask().WaitAsync(Deadline);
        Assert.Null(connection.RemoteCertificate);
        await Answer(connection);

        Assert.Equal(FrameType.Pong, Assert.IsType<Exchanged>(await asking).Type);
    }

    [Fact]
    public async Task A_peer_with_the_pinned_fingerprint_is_trusted_whoever_signed_it()
    {
        await Listen(TestCertificates.Stranger.Server);
        var (pool, address) = Pool(Options().Set(
            "macula.mesh.fingerprints", QuicTrust.Fingerprint(TestCertificates.Stranger.Server)));
        var asking = Exchange(pool, address);
        await using var connection = await _listener.AcceptConnectionAsync().AsTask().WaitAsync(Deadline);
        await Answer(connection);

        Assert.IsType<Exchanged>(await asking);
    }

    [Theory]
    [InlineData("another root")]
    [InlineData("another fingerprint")]
    [InlineData("the system's trust store")]
    public async Task Any_other_peer_is_refused(string trust)
    {
        await Listen(TestCertificates.Stranger.Server);
        var (pool, address) = Pool(trust switch
        {
            "another root" => Roots(),
            "another fingerprint" => Options().Set("macula.mesh.fingerprints", QuicTrust.Fingerprint(Ours.Server)),
            _ => Options(),
        });

        Assert.Equal(MeshRefusal.ConnectFailed, Assert.IsType<ExchangeFailed>(await Exchange(pool, address)).Reason);
    }

    [Fact]
    public async Task Told_to_it_shows_its_own_certificate_to_a_peer_that_needs_one()
    {
        await Listen(Ours.Server, ClientCertificateMode.Require);
        var (pool, address) = Pool(Roots().Set("macula.mesh.client-certificate", "on"));
        var asking = Exchange(pool, address);
        await using var connection = await _listener.AcceptConnectionAsync().AsTask().WaitAsync(Deadline);
        Assert.Equal(QuicTrust.Fingerprint(Ours.Client), QuicTrust.Fingerprint(connection.RemoteCertificate!));
        await Answer(connection);

        Assert.IsType<Exchanged>(await asking);
    }

    [Fact]
    public async Task Not_told_to_it_is_no_peer_for_one_that_needs_a_certificate()
    {
        await Listen(Ours.Server, ClientCertificateMode.Require);
        var (pool, address) = Pool(Roots());

        var failed = Assert.IsType<ExchangeFailed>(await Exchange(pool, address));
        Assert.Contains(failed.Reason, (MeshRefusal[])[MeshRefusal.ConnectFailed, MeshRefusal.StreamFailed]);
    }

    private async Task Listen(
        X509Certificate2 certificate, ClientCertificateMode clients = ClientCertificateMode.None) => _listener = await _quic.ListenAsync(
        new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = certificate,
            ClientCertificates = clients,
            ClientTrust = Ours.Trust,
        });

    private (IActorRef Pool, PeerAddress Address) Pool(MaculaOptions options)
    {
        var settings = MaculaSettings.Load(options);
        var census = new TableCensus();
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var pool = _system.ActorOf(MeshPoolActor.Props(
            settings.Actors.Mesh, _quic, PeerDialling.Of(settings, () => new QuicIdentity(Ours.Client, [])),
            settings.Actors.Gateway.MaxFrameSize, census, new GatewayMetrics(meters, census)));
        return (pool, new PeerAddress("127.0.0.1", _listener.LocalEndPoint.Port));
    }

    private static Task<object> Exchange(IActorRef pool, PeerAddress address)
    {
        var frame = new byte[Frame.HeaderLength + 1];
        Frame.WriteHeader(frame, FrameType.Ping, 1);
        frame[^1] = 0x80;
        return pool.Ask<object>(new Exchange(NodeId.Parse("peer"), address, frame, TimeSpan.FromSeconds(10), 1), Deadline);
    }

    private static async Task Answer(IQuicConnection connection)
    {
        var stream = await connection.AcceptStreamAsync().AsTask().WaitAsync(Deadline);
        await stream.Input.ReadAsync().AsTask().WaitAsync(Deadline);
        var frame = new byte[Frame.HeaderLength + 1];
        Frame.WriteHeader(frame, FrameType.Pong, 1);
        frame[^1] = 0x80;
        await stream.Output.WriteAsync(frame);
        await stream.Output.CompleteAsync();
        await stream.Closed.WaitAsync(Deadline);
    }

    private MaculaOptions Roots() => Options().Set(
        "macula.mesh.ca-file",
        _folder.Write("roots.pem", string.Concat(Ours.Roots.Select(root => root.ExportCertificatePem()))));

    private static MaculaOptions Options() => new() { Environment = new Dictionary<string, string>() };
}
