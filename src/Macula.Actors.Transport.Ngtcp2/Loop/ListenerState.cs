using System.Net;
using System.Threading.Channels;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>What the loops of a listener have in common: its limits, and the connections that wait to be accepted. Any
/// thread.</summary>
internal sealed class ListenerState(
    QuicListenOptions options, Ngtcp2Options defence, RetryTokens tokens, TransportMetrics metrics, ILogger log)
{
    /// <summary>Failed handshakes that wait to be told; beyond it they are only counted.</summary>
    private const int MostUntold = 1000;

    private const ulong WarningInterval = 10_000_000_000;

    private readonly Channel<QuicConnection> _waiting = Channel.CreateBounded<QuicConnection>(options.AcceptBacklog);
    private readonly Lock _warning = new();
    private volatile bool _isClosed;
    private int _untold;
    private ulong _warnAgainAt;
    private long _unlogged;

    public QuicListenOptions Options => options;

    public RetryTokens Tokens => tokens;

    public Admission Admission { get; } = new(defence, metrics);

    /// <summary>Connections whose handshake is complete.</summary>
    public ChannelReader<QuicConnection> Waiting => _waiting.Reader;

    /// <summary>Nobody is let in any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Null when a further connection from there may start, as things are.</summary>
    public RefusalReason? Refusal(AddressKey from) =>
        IsClosed ? RefusalReason.NotListening
        : _waiting.Reader.Count >= options.AcceptBacklog ? RefusalReason.Backlog
        : Admission.Refusal(from);

    /// <summary>False when nobody can take it.</summary>
    public bool Announce(QuicConnection connection)
    {
        if (_waiting.Writer.TryWrite(connection)) return true;
        metrics.Refuse(IsClosed ? RefusalReason.NotListening : RefusalReason.Backlog);
        return false;
    }

    /// <summary>Lets nobody in any more; connections that nobody has accepted end.</summary>
    public void Close()
    {
        _isClosed = true;
        Complete();
        while (_waiting.Reader.TryRead(out var connection)) connection.Abort(options.DefaultCloseErrorCode);
    }

    /// <summary>Who waits for a connection waits no more.</summary>
    public void Complete() => _waiting.Writer.TryComplete();

    public void OnRefused(EndPoint remote, RefusalReason reason, ulong now)
    {
        metrics.Refuse(reason);
        if (reason == RefusalReason.NotListening) return;
        long unlogged;
        lock (_warning)
        {
            if (now < _warnAgainAt)
            {
                _unlogged++;
                return;
            }

            (unlogged, _unlogged, _warnAgainAt) = (_unlogged, 0, now + WarningInterval);
        }

        log.Refused(remote, reason, unlogged);
    }

    public void OnHandshakeFailed(RemoteAddress remote, string why)
    {
        if (log.IsEnabled(LogLevel.Debug)) log.HandshakeFailed(remote.EndPoint, why);
        if (options.OnHandshakeFailed is not { } told) return;
        if (Interlocked.Increment(ref _untold) > MostUntold)
        {
            Interlocked.Decrement(ref _untold);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(_ => Tell(told, remote.EndPoint, why), null);
    }

    private void Tell(Action<EndPoint?, string> told, EndPoint remote, string why)
    {
        Interlocked.Decrement(ref _untold);
        try
        {
            told(remote, why);
        }
        catch (Exception fault)
        {
            log.UserCallbackFailed(fault);
        }
    }
}
