using System.Diagnostics.Metrics;
using Macula.Actors.Transport.Ngtcp2.Dialing;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Transport.Ngtcp2;

/// <summary>QUIC version 1 (RFC 9000) over libngtcp2 1.11 or later and GnuTLS, on Linux x64 and arm64.</summary>
/// <remarks>Where the libraries are missing, <see cref="Support"/> says what to install; nothing else works then.
/// The client connections run on one background thread for each address family, a listener's on
/// <see cref="Ngtcp2Options.Loops"/> of them.</remarks>
public sealed class Ngtcp2Provider : IQuicProvider
{
    private readonly ILogger _log;
    private readonly Ngtcp2Options _options;
    private readonly Dialer _dialer;

    /// <param name="log">What goes wrong inside; failed handshakes at Debug.</param>
    /// <param name="options">How listeners hold out on a hostile network.</param>
    /// <param name="meters">Makes the meter of the instruments <c>macula.transport.*</c>; null: there are none.</param>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>: an option has a
    /// value that cannot work.</exception>
    public Ngtcp2Provider(
        ILogger<Ngtcp2Provider>? log = null, Ngtcp2Options? options = null, IMeterFactory? meters = null)
    {
        _log = log ?? NullLogger<Ngtcp2Provider>.Instance;
        _options = (options ?? new Ngtcp2Options()).Checked();
        Metrics = new TransportMetrics(meters);
        _dialer = new Dialer(_options, Metrics, _log);
    }

    public string Name => "ngtcp2";

    /// <summary>Of all its ports.</summary>
    internal TransportMetrics Metrics { get; }

    public QuicSupport Support => InstalledLibraries.Support;

    public ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        RequireSupport();
        QuicOptionChecks.Check(options);
        var secrets = ListenerSecrets.Derive(_options, options);
        var group = LoopGroup.ForListener(
            options.EndPoint, _options.LoopCount, new StatelessResetTokens(secrets.Reset), _options, Metrics, _log);
        try
        {
            var tokens = new RetryTokens(secrets.Retry, _options.RetryTokenLifetime, _options.Clock);
            var state = new ListenerState(options, _options, tokens, Metrics, _log);
            group.TryHold();
            group.Start(state);
            return new(new Listener(group, state));
        }
        catch
        {
            group.Dispose();
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
