using System.Net;
using Macula.Actors.Mesh;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Actors.Transport.Tests;

namespace Macula.Actors.Tests;

/// <summary>QUIC in memory: what a node listens with, and peers that connect to it.</summary>
internal sealed class MemoryEdge(TimeProvider? time = null)
{
    private static readonly TestCertificates Certificates = TestCertificates.Shared;

    public MemoryQuicNetwork Network { get; } = new(time);

    public IQuicProvider Provider => new MemoryQuicProvider(Network);

    /// <summary>More than a node takes by its settings, so that specs can show what becomes of them.</summary>
    public const int UnidirectionalStreams = 2;

    public static QuicListenOptions Listen { get; } = new()
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        Certificate = Certificates.Server,
        ClientCertificates = ClientCertificateMode.Allow,
        ClientTrust = Certificates.Trust,
        MaxInboundUnidirectionalStreams = UnidirectionalStreams,
        IdleTimeout = TimeSpan.Zero,
        CloseTimeout = TimeSpan.FromMilliseconds(100),
    };

    /// <summary>How a node dials another: with a certificate, verified.</summary>
    public static QuicConnectOptions Dial(PeerAddress address) => new()
    {
        EndPoint = address.EndPoint,
        Trust = QuicTrust.Pinned(QuicTrust.Fingerprint(Certificates.Server)),
        Certificate = Certificates.Client,
        IdleTimeout = TimeSpan.Zero,
        CloseTimeout = TimeSpan.FromMilliseconds(100),
    };

    /// <param name="window">Bytes that the node may send to the peer before the peer reads.</param>
    public async Task<TestPeer> Connect(IPEndPoint node, bool certificate = false, int window = 256 * 1024) => new(
        await Provider.ConnectAsync(new QuicConnectOptions
        {
            EndPoint = node,
            Trust = QuicTrust.Anything,
            Certificate = certificate ? Certificates.Client : null,
            IdleTimeout = TimeSpan.Zero,
            StreamReceiveWindow = window,
        }).AsTask().Soon());
}
