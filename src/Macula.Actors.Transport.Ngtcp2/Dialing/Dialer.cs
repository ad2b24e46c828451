using System.Net;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Tls;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Dialing;

/// <summary>Connects to one address.</summary>
internal sealed class Dialer(Ngtcp2Options settings, TransportMetrics metrics, ILogger log)
{
    private readonly ClientEndpoints _endpoints = new(settings, metrics, log);

    /// <exception cref="QuicTransportException">The handshake failed.</exception>
    public async Task<IQuicConnection> Dial(
        QuicConnectOptions options, IPEndPoint remote, string serverName, CancellationToken cancellationToken)
    {
        var connection = await Start(options, remote, serverName).ConfigureAwait(false);
        using var cancellation = cancellationToken.UnsafeRegister(
            _ => connection.Abort(options.DefaultCloseErrorCode), null);
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
        var credentials = new TlsCredentials(options);
        var request = new DialRequest(options, credentials, remote, serverName);
        Endpoint? endpoint = null;
        try
        {
            endpoint = _endpoints.Hold(remote.AddressFamily);
            request.Endpoint = endpoint;
            endpoint.Post(request);
            await Task.WhenAny(request.Started, endpoint.Stopped).ConfigureAwait(false);
            if (!request.Started.IsCompleted)
                throw new QuicTransportException(QuicTransportError.InternalError, "the transport loop has failed");
            return await request.Started.ConfigureAwait(false);
        }
        catch
        {
            credentials.Dispose();
            throw;
        }
        finally
        {
            endpoint?.Group.Release();
        }
    }
}
