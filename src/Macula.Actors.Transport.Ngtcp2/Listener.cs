using System.Net;
using System.Threading.Channels;
using Macula.Actors.Transport.Ngtcp2.Loop;

namespace Macula.Actors.Transport.Ngtcp2;

internal sealed class Listener(Endpoint endpoint, Acceptor acceptor) : IQuicListener
{
    private int _disposed;

    public IPEndPoint LocalEndPoint => endpoint.Socket.LocalEndPoint;

    public async ValueTask<IQuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await acceptor.Waiting.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Volatile.Read(ref _disposed) != 0
                ? new QuicTransportException(QuicTransportError.OperationAborted, "the listener is disposed")
                : new QuicTransportException(QuicTransportError.InternalError, "the transport loop has failed");
        }
    }

    /// <summary>For specs.</summary>
    internal Endpoint Endpoint => endpoint;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        endpoint.Post(() =>
        {
            acceptor.Close();
            endpoint.Release();
            closed.TrySetResult();
        });
        await Task.WhenAny(closed.Task, endpoint.Stopped).ConfigureAwait(false);
        if (endpoint.IsStopping) await endpoint.Stopped.ConfigureAwait(false);
    }
}
