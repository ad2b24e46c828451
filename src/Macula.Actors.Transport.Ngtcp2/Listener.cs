using System.Net;
using System.Threading.Channels;
using Macula.Actors.Transport.Ngtcp2.Loop;

namespace Macula.Actors.Transport.Ngtcp2;

internal sealed class Listener(LoopGroup group, ListenerState state) : IQuicListener
{
    private int _disposed;

    public IPEndPoint LocalEndPoint => group.LocalEndPoint;

    public async ValueTask<IQuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await state.Waiting.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Volatile.Read(ref _disposed) != 0
                ? new QuicTransportException(QuicTransportError.OperationAborted, "the listener is disposed")
                : new QuicTransportException(QuicTransportError.InternalError, "the transport loop has failed");
        }
    }

    /// <summary>For specs.</summary>
    internal LoopGroup Group => group;

    /// <summary>For specs.</summary>
    internal ListenerState State => state;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        state.Close();
        await Task.WhenAny(Task.WhenAll(group.Loops.Select(Close)), group.Stopped).ConfigureAwait(false);
        group.Release();
        if (group.IsStopping) await group.Stopped.ConfigureAwait(false);
    }

    private static Task Close(Endpoint loop)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() =>
        {
            loop.Acceptor!.Close();
            closed.TrySetResult();
        });
        return closed.Task;
    }
}
