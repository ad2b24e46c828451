using System.Net;

namespace Macula.Actors.Transport;

/// <summary>A bound UDP port that accepts QUIC connections. Disposing stops accepting, aborts connections that
/// nobody has accepted yet, and leaves accepted connections alone.</summary>
public interface IQuicListener : IAsyncDisposable
{
    /// <summary>The bound address, with the real port where 0 was asked for.</summary>
    IPEndPoint LocalEndPoint { get; }

    /// <summary>The next connection whose handshake is complete. A peer's failed handshake is never thrown here:
    /// it is told to <see cref="QuicListenOptions.OnHandshakeFailed"/>.</summary>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.OperationAborted"/> once the listener
    /// is disposed; any other error means that the listener itself is broken.</exception>
    ValueTask<IQuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default);
}
