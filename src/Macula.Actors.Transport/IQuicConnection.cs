using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport;

/// <summary>One QUIC connection. All members may be called from any thread.</summary>
public interface IQuicConnection : IAsyncDisposable
{
    IPEndPoint LocalEndPoint { get; }

    /// <summary>The peer's current address; it changes when the peer migrates.</summary>
    IPEndPoint RemoteEndPoint { get; }

    /// <summary>The negotiated ALPN (RFC 7301).</summary>
    string ApplicationProtocol { get; }

    /// <summary>The name the client asked for (SNI), or null.</summary>
    string? ServerName { get; }

    /// <summary>The peer's verified certificate, or null when it sent none. Owned by the connection.</summary>
    X509Certificate2? RemoteCertificate { get; }

    /// <summary>Completes, never faults, when the connection has ended, with who ended it and why.</summary>
    Task<QuicClosed> Closed { get; }

    /// <summary>Opens a bidirectional stream; waits while the peer's stream limit is reached. The peer learns of the
    /// stream with its first bytes.</summary>
    /// <exception cref="QuicTransportException">The connection ended.</exception>
    ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default);

    /// <summary>Opens a unidirectional stream, on which this side writes and the peer reads; otherwise as
    /// <see cref="OpenStreamAsync"/>. The two kinds have a limit each (RFC 9000, section 4.6).</summary>
    /// <exception cref="QuicTransportException">The connection ended.</exception>
    ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default);

    /// <summary>The next stream that the peer opened, of either kind: <see cref="IQuicStream.CanWrite"/> tells which.
    /// Streams that arrive before anyone asks are kept, up to <see cref="QuicConnectionOptions.MaxInboundStreams"/> and
    /// <see cref="QuicConnectionOptions.MaxInboundUnidirectionalStreams"/>, and those that came before the connection
    /// ended are still handed out, with the bytes that came.</summary>
    /// <exception cref="QuicTransportException">The connection ended, and no stream is left.</exception>
    ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default);

    /// <summary>Closes in order: finishes the sending side of all streams, waits until the peer has acknowledged what
    /// was written, at most <see cref="QuicConnectionOptions.CloseTimeout"/>, then tells the peer the code. Idempotent;
    /// the first close wins.</summary>
    /// <param name="errorCode">Application error code, 0 to 2^62-1 (RFC 9000, section 20.2).</param>
    /// <param name="reason">Sent where the provider can (System.Net.Quic cannot); at most 512 bytes of UTF-8.</param>
    ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default);

    /// <summary>Tells the peer the code and ends the connection now; data in flight is lost. Idempotent.</summary>
    void Abort(long errorCode, string reason = "");
}

/// <summary>How a connection ended.</summary>
/// <param name="Error"><see cref="QuicTransportError.None"/> after an orderly close by this side.</param>
/// <param name="ErrorCode">The application error code, when either side closed with one.</param>
/// <param name="ByPeer">True when the peer or the network ended it.</param>
/// <param name="Reason">The peer's reason text, or what happened, for logs.</param>
public sealed record QuicClosed(QuicTransportError Error, long? ErrorCode, bool ByPeer, string Reason);
