using Macula.Actors.Mesh;
using Macula.Actors.Transport;

namespace Macula.Actors.Hosting;

/// <summary>How this node connects to its mesh peers.</summary>
internal static class PeerDialling
{
    /// <summary>What to dial an address with. Certificates are always verified.</summary>
    /// <param name="own">What is in force at the time of a dial: shown to peers that ask, if the settings say so.</param>
    /// <exception cref="QuicTransportException">The file of roots is not there or not PEM.</exception>
    public static Func<PeerAddress, QuicConnectOptions> Of(MaculaSettings settings, Func<QuicIdentity> own)
    {
        var (quic, mesh, trust) = (settings.Quic, settings.Mesh, Trust(settings.Mesh));
        return address => Dial(address, mesh.ClientCertificate ? own() : null);

        QuicConnectOptions Dial(PeerAddress address, QuicIdentity? shown) => new()
        {
            EndPoint = address.EndPoint,
            Trust = trust,
            Certificate = shown?.Certificate,
            Intermediates = shown?.Intermediates,
            IdleTimeout = quic.IdleTimeout,
            KeepAliveInterval = quic.KeepAliveInterval,
            CloseTimeout = quic.CloseTimeout,
            StreamReceiveWindow = quic.StreamReceiveWindow,
            ConnectionReceiveWindow = quic.ConnectionReceiveWindow,
            MaxInboundStreams = 0, // peers ask on connections of their own
        };
    }

    private static QuicTrust Trust(MeshSettings mesh) => mesh switch
    {
        { Fingerprints.Count: > 0 } => QuicTrust.Pinned(mesh.Fingerprints),
        { CaFile.Length: > 0 } => QuicTrust.Roots(QuicCertificates.LoadRoots(mesh.CaFile)),
        _ => QuicTrust.System,
    };
}
