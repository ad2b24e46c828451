using System.Collections.Concurrent;
using System.Net;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>The loops of a UDP port: one, or several of a listener. They live and end together. Any thread.</summary>
/// <remarks>It lives while somebody holds it: a listener, a live connection or a connect under way; a client's also until
/// its last tombstone is gone. When one loop fails, all end: half of a port would lose packets without a word.</remarks>
internal sealed class LoopGroup : IDisposable
{
    private readonly Lock _gate = new();
    private readonly bool _isServer;
    private readonly int _mostTombstones;
    private int _holders;
    private int _tombstones;
    private bool _isStopping;
    private Failure? _failure;

    private LoopGroup(
        UdpSocket[] sockets, bool isServer, StatelessResetTokens resetTokens, Ngtcp2Options options,
        TransportMetrics metrics, ILogger log)
    {
        (_isServer, _mostTombstones, Metrics, Log, ResetTokens) = (isServer, options.MaxClosing, metrics, log, resetTokens);
        Loops = [.. sockets.Select((socket, i) => new Endpoint(this, new ConnectionIds(i, sockets.Length), socket))];
    }

    public IReadOnlyList<Endpoint> Loops { get; }

    public ILogger Log { get; }

    public TransportMetrics Metrics { get; }

    public StatelessResetTokens ResetTokens { get; }

    /// <summary>Answers to strangers that the port may still send.</summary>
    public AnswerBudget Budget { get; } = new();

    /// <summary>The tokens that peers' stateless resets would carry. A peer that has moved may send its reset to another
    /// loop than its connection's, and with an id that says nothing.</summary>
    public ConcurrentDictionary<CidKey, Session> PeerTokens { get; } = new();

    public IPEndPoint LocalEndPoint => Loops[0].Socket.LocalEndPoint;

    /// <summary>Completes when all threads have ended and the port is free.</summary>
    public Task Stopped => Task.WhenAll(Loops.Select(loop => loop.Stopped));

    /// <summary>Closed connections that are remembered.</summary>
    public int Tombstones
    {
        get
        {
            lock (_gate) return _tombstones;
        }
    }

    /// <summary>Nobody holds it any more, or a loop has failed.</summary>
    public bool IsStopping
    {
        get
        {
            lock (_gate) return _isStopping;
        }
    }

    /// <summary>Null, or why all connections must end.</summary>
    public Failure? Failure
    {
        get
        {
            lock (_gate) return _failure;
        }
    }

    /// <param name="loops">How many; one where the kernel refuses more.</param>
    /// <exception cref="QuicTransportException">The address cannot be bound.</exception>
    public static LoopGroup ForListener(
        IPEndPoint bind, int loops, StatelessResetTokens resetTokens, Ngtcp2Options options, TransportMetrics metrics,
        ILogger log)
    {
        var sockets = UdpSocket.Bind(bind, loops, log);
        if (sockets[0].ReceiveBuffer < UdpSocket.BufferSize)
            log.SmallReceiveBuffer(sockets[0].LocalEndPoint, sockets[0].ReceiveBuffer, UdpSocket.BufferSize);
        return new LoopGroup(sockets, isServer: true, resetTokens, options, metrics, log);
    }

    /// <exception cref="QuicTransportException">There is no free port.</exception>
    public static LoopGroup ForClients(IPAddress any, Ngtcp2Options options, TransportMetrics metrics, ILogger log) =>
        new([new UdpSocket(new IPEndPoint(any, 0), answers: false)], isServer: false, StatelessResetTokens.ForClient(),
            options, metrics, log);

    /// <summary>Each loop gets its part of the listener, then all start.</summary>
    /// <exception cref="QuicTransportException">The certificate cannot be used.</exception>
    public void Start(ListenerState listener)
    {
        foreach (var loop in Loops) loop.Serve(new Acceptor(loop, listener));
        foreach (var loop in Loops) loop.Start(Loops.Count == 1 ? $"quic {LocalEndPoint.Port}" : $"quic {LocalEndPoint.Port}/{loop.Ids.Loop}");
    }

    public void Start()
    {
        foreach (var loop in Loops) loop.Start("quic client");
    }

    /// <summary>Keeps it alive; false when it has already ended.</summary>
    public bool TryHold()
    {
        lock (_gate)
        {
            if (_isStopping) return false;
            _holders++;
            return true;
        }
    }

    /// <summary>A session holds it, even one that began as it ended.</summary>
    public void Hold()
    {
        lock (_gate) _holders++;
    }

    public void Release()
    {
        lock (_gate)
        {
            _holders--;
            if (!IsOver()) return;
        }

        WakeAll();
    }

    /// <summary>Room for one more tombstone; false when so many are remembered as may be.</summary>
    public bool TryRemember()
    {
        lock (_gate)
        {
            if (_tombstones >= _mostTombstones) return false;
            _tombstones++;
        }

        Metrics.Closed(1);
        return true;
    }

    public void Forget(int tombstones)
    {
        Metrics.Closed(-tombstones);
        lock (_gate)
        {
            _tombstones -= tombstones;
            if (!IsOver()) return;
        }

        WakeAll();
    }

    /// <summary>All loops end, and their connections with this failure; no peer is told.</summary>
    public void Fail(Failure failure)
    {
        lock (_gate)
        {
            _failure ??= failure;
            _isStopping = true;
        }

        WakeAll();
    }

    /// <summary>Where no thread has started yet.</summary>
    public void Dispose()
    {
        foreach (var loop in Loops) loop.Dispose();
    }

    // Under the gate.
    private bool IsOver()
    {
        if (_holders == 0 && (_isServer || _tombstones == 0)) _isStopping = true;
        return _isStopping;
    }

    private void WakeAll()
    {
        foreach (var loop in Loops) loop.Wake();
    }
}
