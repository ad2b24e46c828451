using System.Net;
using Macula.Actors.Mesh;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Actors.Transport.Tests;

namespace Macula.Actors.Tests;

/// <summary>Another node, in the hands of a spec, and how to reach it.</summary>
internal sealed class MeshPeer : IAsyncDisposable
{
    private readonly IQuicListener _listener;

    private MeshPeer(IQuicListener listener) => _listener = listener;

    public PeerAddress Address => new("localhost", _listener.LocalEndPoint.Port);

    public static async Task<MeshPeer> Listen(
        MemoryQuicNetwork network, int streams = 100, int window = 256 * 1024, TestCertificates? certificates = null,
        ClientCertificateMode clients = ClientCertificateMode.None) => new(
        await new MemoryQuicProvider(network).ListenAsync(new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = (certificates ?? TestCertificates.Shared).Server,
            ClientCertificates = clients,
            ClientTrust = TestCertificates.Shared.Trust,
            MaxInboundStreams = streams,
            StreamReceiveWindow = window,
            IdleTimeout = TimeSpan.Zero,
        }));

    /// <summary>How the node under test connects: with its own certificate, and trust in the test authority.</summary>
    public static QuicConnectOptions Connect(PeerAddress address) => new()
    {
        EndPoint = address.EndPoint,
        Trust = TestCertificates.Shared.Trust,
        Certificate = TestCertificates.Shared.Client,
        IdleTimeout = TimeSpan.Zero,
        StreamReceiveWindow = 4 * 1024,
    };

    public async Task<IQuicConnection> Accept() => await _listener.AcceptConnectionAsync().AsTask().Soon();

    public ValueTask DisposeAsync() => _listener.DisposeAsync();
}
