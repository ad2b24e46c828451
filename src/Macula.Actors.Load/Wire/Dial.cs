using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.SystemNetQuic;

namespace Macula.Actors.Load.Wire;

/// <summary>How the clients of a run connect. They share one provider, and with it one UDP socket.</summary>
internal sealed class Dial
{
    private static readonly IQuicProvider[] Known = [new SystemQuicProvider(), new Ngtcp2Provider()];

    /// <param name="target">The node.</param>
    /// <param name="quic">auto, ngtcp2 or system.</param>
    /// <param name="over">When all clients die: what they send, or wait for, then ends at once.</param>
    /// <exception cref="QuicTransportException">This machine cannot run it.</exception>
    public Dial(LoadTarget target, string quic, CancellationToken over)
    {
        Over = over;
        Provider = QuicProviders.Choose(Known, quic).Provider;
        Realm = target.Realm;
        Options = new QuicConnectOptions
        {
            EndPoint = target.EndPoint,
            Trust = target.Trust,
            HandshakeTimeout = target.ConnectTimeout,
            IdleTimeout = TimeSpan.FromMinutes(2), // the node's own is what ends dead connections
            MaxInboundStreams = 0,
        };
    }

    /// <summary>The same, with a smaller receive window.</summary>
    /// <param name="window">Bytes, for the stream and the connection.</param>
    public Dial(Dial other, int window)
    {
        (Provider, Realm, Over) = (other.Provider, other.Realm, other.Over);
        Options = other.Options with { StreamReceiveWindow = window, ConnectionReceiveWindow = window };
    }

    public IQuicProvider Provider { get; }

    public QuicConnectOptions Options { get; }

    public Utf8Text Realm { get; }

    public CancellationToken Over { get; }
}
