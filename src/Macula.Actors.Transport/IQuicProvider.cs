namespace Macula.Actors.Transport;

/// <summary>One implementation of QUIC (RFC 9000): listens and connects.</summary>
/// <remarks>The contract has the shape of System.Net.Quic, so that knowledge of that carries over.
/// Every provider passes the same contract suite.</remarks>
public interface IQuicProvider
{
    /// <summary>Short stable name, as used in settings: <c>system</c>, <c>ngtcp2</c>, <c>memory</c>.</summary>
    string Name { get; }

    /// <summary>Whether this machine can run the provider, and with which libraries or why not.</summary>
    QuicSupport Support { get; }

    /// <summary>Binds a UDP port and starts to accept connections.</summary>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.AddressInUse"/>,
    /// <see cref="QuicTransportError.NotSupported"/> or <see cref="QuicTransportError.InvalidConfiguration"/>.
    /// </exception>
    ValueTask<IQuicListener> ListenAsync(QuicListenOptions options, CancellationToken cancellationToken = default);

    /// <summary>Connects and completes the handshake; the server's certificate has been judged when this returns. The
    /// server may still judge the client's (TLS 1.3 lets it), and then the connection ends with
    /// <see cref="QuicTransportError.AuthenticationFailed"/> right after.</summary>
    /// <exception cref="QuicTransportException">The handshake failed; the error says how.</exception>
    ValueTask<IQuicConnection> ConnectAsync(QuicConnectOptions options, CancellationToken cancellationToken = default);
}

/// <summary>Whether a provider can run here.</summary>
/// <param name="IsSupported">True when the provider's libraries were found, loaded and fit.</param>
/// <param name="Description">One line: the library versions, or what is missing and what to install.</param>
public readonly record struct QuicSupport(bool IsSupported, string Description);
