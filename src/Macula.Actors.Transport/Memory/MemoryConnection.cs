using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;

namespace Macula.Actors.Transport.Memory;

/// <summary>One end of a connection in memory.</summary>
internal sealed class MemoryConnection : IQuicConnection
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly HashSet<MemoryQuicStream> _streams = [];
    private readonly Channel<MemoryQuicStream> _announced = Channel.CreateUnbounded<MemoryQuicStream>();
    private readonly SemaphoreSlim _slots;
    private readonly SemaphoreSlim _unidirectionalSlots;
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource<QuicClosed> _closed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeSpan _idleTimeout;
    private readonly ITimer _idleTimer;
    private readonly ITimer _keepAliveTimer;
    private MemoryConnection _peer = null!;
    private QuicClosed? _end;
    private Task? _closing;
    private long _nextId;
    private long _nextUnidirectionalId;
    private long _lastHeard;

    private MemoryConnection(Setup setup, MemoryPath path, TimeProvider time)
    {
        (Options, Path, _time) = (setup.Own, path, time);
        (LocalEndPoint, RemoteEndPoint, ServerName) = (setup.Local, setup.Remote, setup.ServerName);
        RemoteCertificate = setup.Peer.Certificate is { } certificate && setup.SeesCertificate
            ? X509CertificateLoader.LoadCertificate(certificate.RawData)
            : null;
        ReceiveWindow = new MemoryWindow(Options.ConnectionReceiveWindow);
        _slots = new SemaphoreSlim(setup.Peer.MaxInboundStreams);
        _unidirectionalSlots = new SemaphoreSlim(setup.Peer.MaxInboundUnidirectionalStreams);
        _nextId = setup.IsServer ? 1 : 0; // RFC 9000, section 2.1
        _nextUnidirectionalId = _nextId + 2;
        _idleTimeout = ShorterOf(Options.IdleTimeout, setup.Peer.IdleTimeout); // section 10.1
        _lastHeard = time.GetTimestamp();
        _idleTimer = time.CreateTimer(_ => OnIdleTimer(), null, OrNever(_idleTimeout), Timeout.InfiniteTimeSpan);
        _keepAliveTimer = time.CreateTimer(
            _ => Path.Post(() => { }), null, OrNever(Options.KeepAliveInterval), OrNever(Options.KeepAliveInterval));
    }

    public QuicConnectionOptions Options { get; }

    public MemoryPath Path { get; }

    public MemoryWindow ReceiveWindow { get; }

    public IPEndPoint LocalEndPoint { get; }

    public IPEndPoint RemoteEndPoint { get; }

    public string ApplicationProtocol => Options.ApplicationProtocol;

    public string? ServerName { get; }

    public X509Certificate2? RemoteCertificate { get; }

    public Task<QuicClosed> Closed => _closed.Task;

    /// <summary>Both ends of a connection whose handshake is done.</summary>
    public static (MemoryConnection Client, MemoryConnection Server) CreatePair(
        Setup client, Setup server, TimeProvider time)
    {
        var path = new MemoryPath();
        var ours = new MemoryConnection(client, path, time);
        var theirs = new MemoryConnection(server, path, time);
        (ours._peer, theirs._peer) = (theirs, ours);
        path.Passed = () =>
        {
            ours.OnHeard();
            theirs.OnHeard();
        };
        return (ours, theirs);
    }

    public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
        OpenAsync(isUnidirectional: false, cancellationToken);

    public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
        OpenAsync(isUnidirectional: true, cancellationToken);

    public async ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var stream = await _announced.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            _ = FreeSlotAsync(stream);
            return stream;
        }
        catch (ChannelClosedException)
        {
            throw Error(_end!);
        }
    }

    public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default)
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        TaskCompletionSource started;
        lock (_gate)
        {
            if (_closing is not null) return new ValueTask(_closing.WaitAsync(cancellationToken));
            started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _closing = started.Task;
        }

        _ = RunAsync();
        return new ValueTask(started.Task.WaitAsync(cancellationToken));

        async Task RunAsync()
        {
            await FinishStreamsAsync().ConfigureAwait(false);
            if (End(new QuicClosed(QuicTransportError.None, errorCode, false, reason)))
                Path.Post(() => _peer.OnPeerClosed(errorCode, reason));
            started.SetResult();
        }
    }

    public void Abort(long errorCode, string reason = "")
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        if (End(new QuicClosed(QuicTransportError.OperationAborted, errorCode, false, reason)))
            Path.Post(() => _peer.OnPeerClosed(errorCode, reason));
    }

    public async ValueTask DisposeAsync()
    {
        Task? closing;
        lock (_gate)
        {
            closing = _closing;
        }

        if (closing is not null) await closing.ConfigureAwait(false);
        Abort(Options.DefaultCloseErrorCode);
        RemoteCertificate?.Dispose();
    }

    /// <summary>What an operation throws on a connection that ended so.</summary>
    public static QuicTransportException Error(QuicClosed closed) => closed.Error switch
    {
        QuicTransportError.None => new(QuicTransportError.OperationAborted, "the connection was closed by this side"),
        QuicTransportError.OperationAborted => new(closed.Error, "the connection was aborted by this side"),
        _ => new(closed.Error, closed.Reason, closed.ErrorCode),
    };

    internal void OnStreamAnnounced(MemoryQuicStream stream) => _announced.Writer.TryWrite(stream);

    private async ValueTask<IQuicStream> OpenAsync(bool isUnidirectional, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfEnded();
        var slots = isUnidirectional ? _unidirectionalSlots : _slots;
        if (!slots.Wait(0, CancellationToken.None))
            await WaitForSlotAsync(slots, cancellationToken).ConfigureAwait(false);

        MemoryQuicStream local;
        MemoryQuicStream remote;
        lock (_gate)
        {
            ThrowIfEnded();
            ref var nextId = ref isUnidirectional ? ref _nextUnidirectionalId : ref _nextId;
            (local, remote) = MemoryQuicStream.CreatePair(this, _peer, Path, nextId);
            nextId += 4;
            _streams.Add(local);
        }

        _peer.Add(remote);
        _ = ForgetAsync(local);
        remote.Start();
        local.Start();
        return local;
    }

    private void OnPeerClosed(long errorCode, string reason)
    {
        var told = reason.Length == 0 ? $"the peer closed the connection with code {errorCode}" : reason;
        End(new QuicClosed(QuicTransportError.ConnectionAborted, errorCode, true, told));
    }

    private void Add(MemoryQuicStream stream)
    {
        lock (_gate)
        {
            if (_end is null) _streams.Add(stream);
        }

        _ = ForgetAsync(stream);
    }

    private async Task ForgetAsync(MemoryQuicStream stream)
    {
        await stream.Closed.ConfigureAwait(false);
        lock (_gate)
        {
            _streams.Remove(stream);
        }
    }

    /// <summary>A stream counts until all its directions have ended and somebody accepted it.</summary>
    private async Task FreeSlotAsync(MemoryQuicStream stream)
    {
        await stream.Closed.ConfigureAwait(false);
        Path.Post(() => (stream.CanWrite ? _peer._slots : _peer._unidirectionalSlots).Release());
    }

    private async ValueTask WaitForSlotAsync(SemaphoreSlim slots, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
        try
        {
            await slots.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Error(_end!);
        }
    }

    private async Task FinishStreamsAsync()
    {
        MemoryQuicStream[] streams;
        lock (_gate)
        {
            streams = [.. _streams];
        }

        foreach (var stream in streams) stream.Finish();
        try
        {
            await Task.WhenAll(streams.Select(stream => stream.Sent))
                .WaitAsync(Options.CloseTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // What is not acknowledged by now is lost, as the contract says.
        }
    }

    private void OnHeard() => Volatile.Write(ref _lastHeard, _time.GetTimestamp());

    private void OnIdleTimer()
    {
        var left = _idleTimeout - _time.GetElapsedTime(Volatile.Read(ref _lastHeard));
        if (left > TimeSpan.Zero)
            _idleTimer.Change(left, Timeout.InfiniteTimeSpan);
        else
            End(new QuicClosed(QuicTransportError.ConnectionIdle, null, true, $"nothing was heard for {_idleTimeout}"));
    }

    /// <summary>The one way out. False: it had ended already.</summary>
    private bool End(QuicClosed closed)
    {
        MemoryQuicStream[] streams;
        lock (_gate)
        {
            if (_end is not null) return false;
            _end = closed;
            streams = [.. _streams];
        }

        _idleTimer.Dispose();
        _keepAliveTimer.Dispose();
        _announced.Writer.TryComplete();
        _ending.Cancel();
        foreach (var stream in streams) stream.Fail(closed);
        _closed.TrySetResult(closed);
        return true;
    }

    private void ThrowIfEnded()
    {
        if (_end is { } end) throw Error(end);
        if (_closing is not null) throw new QuicTransportException(
            QuicTransportError.OperationAborted, "the connection is being closed by this side");
    }

    private static TimeSpan ShorterOf(TimeSpan one, TimeSpan other) =>
        one == TimeSpan.Zero ? other : other == TimeSpan.Zero || one < other ? one : other;

    private static TimeSpan OrNever(TimeSpan time) => time == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : time;

    /// <summary>What one end starts from.</summary>
    internal sealed record Setup(
        QuicConnectionOptions Own, QuicConnectionOptions Peer, IPEndPoint Local, IPEndPoint Remote,
        string? ServerName, bool IsServer, bool SeesCertificate);
}
