using Macula.Actors.Transport.Ngtcp2.Dialing;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Transport.Ngtcp2;

/// <summary>QUIC version 1 (RFC 9000) over libngtcp2 1.11 or later and GnuTLS, on Linux x64 and arm64.</summary>
/// <remarks>Where the libraries are missing, <see cref="Support"/> says what to install; nothing else works then.
/// Server and client connections each run on a background thread per UDP port.</remarks>
/// <param name="log">What goes wrong inside; failed handshakes at Debug.</param>
public sealed class Ngtcp2Provider(ILogger<Ngtcp2Provider>? log = null) : IQuicProvider
{
    private readonly ILogger _log = log ?? NullLogger<Ngtcp2Provider>.Instance;
    private readonly Dialer _dialer = new(log ?? NullLogger<Ngtcp2Provider>.Instance);

    public string Name => "ngtcp2";

    public QuicSupport Support => InstalledLibraries.Support;

    public ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        RequireSupport();
        QuicOptionChecks.Check(options);
        var endpoint = new Endpoint(options.EndPoint, isServer: true, StatelessResetTokens.ForServer(options), _log);
        try
        {
            var acceptor = new Acceptor(endpoint, options);
            endpoint.TryHold();
            endpoint.Start(acceptor);
            return new(new Listener(endpoint, acceptor));
        }
        catch
        {
            endpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>When a name has several addresses they are tried in the system's order, each for the
    /// <see cref="QuicConnectionOptions.HandshakeTimeout"/>; a further one starts early, 250 ms after the one before it
    /// (RFC 8305), and the first to answer wins.</remarks>
    public async ValueTask<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        RequireSupport();
        QuicOptionChecks.Check(options);
        var (remotes, host) = await Resolver.Resolve(options.EndPoint, cancellationToken).ConfigureAwait(false);
        var serverName = options.ServerName ?? host;
        return remotes is [var remote]
            ? await _dialer.Dial(options, remote, serverName, cancellationToken).ConfigureAwait(false)
            : await Race.First(
                remotes, (address, token) => _dialer.Dial(options, address, serverName, token), cancellationToken)
                .ConfigureAwait(false);
    }

    private void RequireSupport()
    {
        if (!Support.IsSupported)
            throw new QuicTransportException(QuicTransportError.NotSupported, Support.Description);
    }
}
