using System.Net;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Dialing;

/// <summary>Starts a client connection on the loop; the session then owns the credentials.</summary>
internal sealed unsafe class DialRequest(
    QuicConnectOptions options, TlsCredentials credentials, IPEndPoint remote, string serverName) : ILoopWork
{
    private readonly TaskCompletionSource<QuicConnection> _started =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Endpoint Endpoint { get; set; } = null!;

    public Task<QuicConnection> Started => _started.Task;

    public void Run()
    {
        try
        {
            if (Endpoint.Group.IsStopping)
                throw new QuicTransportException(QuicTransportError.InternalError, "the transport loop has ended");
            var address = stackalloc byte[SocketAddressBytes.Capacity];
            var length = SocketAddresses.Write(remote, address);
            var session = new ClientSession(Endpoint, options, credentials, serverName, address, length);
            Endpoint.SessionStarted(session);
            _started.SetResult(session.Connection);
        }
        catch (Exception fault)
        {
            _started.SetException(fault);
        }
    }
}
