using System.Net;
using System.Threading.Channels;

namespace Macula.Actors.Transport.Memory;

/// <summary>An address of a <see cref="MemoryQuicNetwork"/> that accepts connections.</summary>
internal sealed class MemoryListener : IQuicListener
{
    private readonly MemoryQuicNetwork _network;
    private readonly Channel<MemoryConnection> _backlog;

    public MemoryListener(MemoryQuicNetwork network, QuicListenOptions options, IPEndPoint bound, IPEndPoint address)
    {
        (_network, Options, LocalEndPoint, Address) = (network, options, bound, address);
        _backlog = Channel.CreateBounded<MemoryConnection>(options.AcceptBacklog);
    }

    public QuicListenOptions Options { get; }

    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Where it stands in the network's table; <see cref="LocalEndPoint"/> may be the "any" address.</summary>
    public IPEndPoint Address { get; }

    /// <summary>False: the backlog is full, or the listener is gone.</summary>
    public bool TryEnqueue(MemoryConnection connection) => _backlog.Writer.TryWrite(connection);

    public async ValueTask<IQuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _backlog.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new QuicTransportException(QuicTransportError.OperationAborted, "the listener was disposed");
        }
    }

    public ValueTask DisposeAsync()
    {
        if (!_backlog.Writer.TryComplete()) return ValueTask.CompletedTask;
        _network.Remove(this);
        while (_backlog.Reader.TryRead(out var waiting)) waiting.Abort(Options.DefaultCloseErrorCode);
        return ValueTask.CompletedTask;
    }
}
