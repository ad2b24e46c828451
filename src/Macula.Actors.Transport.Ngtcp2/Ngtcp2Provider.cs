using System.Net;
using System.Net.Sockets;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;
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
    private readonly ClientEndpoints _clients = new(log ?? NullLogger<Ngtcp2Provider>.Instance);

    public string Name => "ngtcp2";

    public QuicSupport Support => InstalledLibraries.Support;

    public ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        RequireSupport();
        QuicOptionChecks.Check(options);
        var endpoint = new Endpoint(options.EndPoint, StatelessResetTokens.ForServer(options), _log);
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

    public async ValueTask<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireSupport();
        QuicOptionChecks.Check(options);
        var (remote, host) = await Resolve(options.EndPoint, cancellationToken).ConfigureAwait(false);
        var connection = await Start(options, remote, options.ServerName ?? host).ConfigureAwait(false);
        using var cancellation =
            cancellationToken.UnsafeRegister(_ => connection.Abort(options.DefaultCloseErrorCode), null);
        try
        {
            await connection.Ready.ConfigureAwait(false);
            return connection;
        }
        catch (QuicTransportException)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }
    }

    private async Task<QuicConnection> Start(QuicConnectOptions options, IPEndPoint remote, string serverName)
    {
        var started = new TaskCompletionSource<QuicConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var endpoint = _clients.Hold(remote.AddressFamily);
        try
        {
            endpoint.Post(() =>
            {
                try
                {
                    started.SetResult(StartOnLoop(endpoint, options, remote, serverName));
                }
                catch (QuicTransportException fault)
                {
                    started.SetException(fault);
                }
            });
            return await started.Task.ConfigureAwait(false);
        }
        finally
        {
            endpoint.Release();
        }
    }

    private static unsafe QuicConnection StartOnLoop(
        Endpoint endpoint, QuicConnectOptions options, IPEndPoint remote, string serverName)
    {
        var credentials = new TlsCredentials(options);
        try
        {
            var address = stackalloc byte[SocketAddressBytes.Capacity];
            var length = (int)SocketAddresses.Write(remote, address);
            var bytes = new ReadOnlySpan<byte>(address, length);
            var session = new ClientSession(endpoint, options, credentials, serverName, remote, bytes);
            endpoint.SessionStarted(session);
            return session.Connection;
        }
        catch
        {
            credentials.Dispose();
            throw;
        }
    }

    private static async ValueTask<(IPEndPoint Remote, string Host)> Resolve(
        EndPoint endPoint, CancellationToken cancellationToken)
    {
        switch (endPoint)
        {
            case IPEndPoint address:
                return (address, address.Address.ToString());
            case DnsEndPoint name:
                try
                {
                    var found = await Dns.GetHostAddressesAsync(name.Host, name.AddressFamily, cancellationToken)
                        .ConfigureAwait(false);
                    if (found.Length > 0) return (new IPEndPoint(found[0], name.Port), name.Host);
                }
                catch (SocketException fault)
                {
                    throw new QuicTransportException(
                        QuicTransportError.ConnectionTimeout, $"cannot resolve {name.Host}: {fault.Message}",
                        inner: fault);
                }

                throw new QuicTransportException(
                    QuicTransportError.ConnectionTimeout, $"{name.Host} has no address");
            default:
                throw new QuicTransportException(
                    QuicTransportError.InvalidConfiguration,
                    $"EndPoint must be an IPEndPoint or a DnsEndPoint, not {endPoint.GetType().Name}");
        }
    }

    private void RequireSupport()
    {
        if (!Support.IsSupported)
            throw new QuicTransportException(QuicTransportError.NotSupported, Support.Description);
    }
}
