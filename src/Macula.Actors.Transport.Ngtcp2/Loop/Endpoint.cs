using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A UDP port with its thread: all that is native happens on it.</summary>
/// <remarks>
/// <para>Other threads only <see cref="Post(ILoopWork)"/>. What the loop completes for them continues elsewhere, so
/// nothing of a user's ever runs here.</para>
/// <para>It lives while somebody holds it: a listener, a live connection or a connect under way; a client's endpoint
/// also until its last tombstone is gone. Then thread, socket and memory go.</para>
/// </remarks>
internal sealed unsafe class Endpoint : IDatagramReceiver, IDisposable
{
    /// <summary>Length of the connection ids given out.</summary>
    public const int CidLength = 16;

    private const int BatchesPerTurn = 8;
    private const ulong LongestWait = 1_000_000_000;

    private readonly EventSignal _signal = new();
    private readonly ConcurrentQueue<ILoopWork> _posted = new();
    private readonly HashSet<Session> _sessions = [];
    private readonly HashSet<Tombstone> _tombstones = [];
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly ReceiveBatch _receiving;
    private readonly PacketWriter _writer;
    private readonly int _mostTombstones;
    private List<Session> _dirty = [];
    private List<Session> _writing = [];
    private Acceptor? _acceptor;
    private int _signalled;
    private int _holders;
    private bool _isStopping;

    /// <exception cref="QuicTransportException">The address cannot be bound.</exception>
    public Endpoint(
        IPEndPoint bind, bool isServer, StatelessResetTokens resetTokens, Ngtcp2Options options,
        TransportMetrics metrics, ILogger log)
    {
        try
        {
            Socket = new UdpSocket(bind, answers: isServer);
        }
        catch
        {
            _signal.Dispose();
            throw;
        }

        Log = log;
        Metrics = metrics;
        ResetTokens = resetTokens;
        _mostTombstones = options.MaxClosing;
        _receiving = new ReceiveBatch(Socket, metrics);
        Sending = new SendBatch(Socket, metrics);
        _writer = new PacketWriter(Sending);
        Replies = new StatelessReplies(Sending, resetTokens, metrics);
        Counters.Endpoint(1);
        if (isServer && Socket.ReceiveBuffer < UdpSocket.BufferSize)
            log.SmallReceiveBuffer(Socket.LocalEndPoint, Socket.ReceiveBuffer, UdpSocket.BufferSize);
    }

    /// <summary>Nanoseconds of the monotonic clock.</summary>
    public static ulong Now => (ulong)Stopwatch.GetTimestamp();

    public ILogger Log { get; }

    public TransportMetrics Metrics { get; }

    public UdpSocket Socket { get; }

    public SendBatch Sending { get; }

    public StatelessResetTokens ResetTokens { get; }

    public StatelessReplies Replies { get; }

    public RouteTable Routes { get; } = new();

    public TimerQueue Timers { get; } = new();

    /// <summary>A listener's part; null in a client's endpoint.</summary>
    public Acceptor? Acceptor => _acceptor;

    public IReadOnlyCollection<Session> Sessions => _sessions;

    /// <summary>Closed connections that are remembered.</summary>
    public int Tombstones => _tombstones.Count;

    /// <summary>Completes when the thread has ended and the port is free.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Any thread: nobody holds it any more.</summary>
    public bool IsStopping
    {
        get
        {
            lock (_gate) return _isStopping;
        }
    }

    public void Start(Acceptor? acceptor)
    {
        _acceptor = acceptor;
        var name = acceptor is null ? "quic client" : $"quic {Socket.LocalEndPoint.Port}";
        new Thread(Run) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>Any thread: keeps the loop alive; false when it has already ended.</summary>
    public bool TryHold()
    {
        lock (_gate)
        {
            if (_isStopping) return false;
            _holders++;
            return true;
        }
    }

    /// <summary>Any thread.</summary>
    public void Release()
    {
        lock (_gate) _holders--;
        Wake();
    }

    /// <summary>Any thread.</summary>
    public void Post(ILoopWork work)
    {
        _posted.Enqueue(work);
        Wake();
    }

    /// <summary>Any thread.</summary>
    public void Post(Action action) => Post(new LoopAction(action));

    public void MarkDirty(Session session)
    {
        if (session.IsDirty) return;
        session.IsDirty = true;
        _dirty.Add(session);
    }

    /// <summary>The session is known from here on; it holds the endpoint.</summary>
    public void SessionStarted(Session session)
    {
        _sessions.Add(session);
        Metrics.Connection(session.IsServer, 1);
        lock (_gate) _holders++;
        MarkDirty(session);
    }

    public void SessionEnded(Session session)
    {
        _sessions.Remove(session);
        Metrics.Connection(session.IsServer, -1);
        lock (_gate)
        {
            _holders--;
            DecideToStop();
        }
    }

    /// <summary>A tombstone takes the place of a session, or nothing does.</summary>
    /// <param name="closePacket">What it answers with; empty: nothing; null: no tombstone.</param>
    public void Replace(
        Session session, List<CidKey> ids, IEnumerable<CidKey> tokens, byte[]? closePacket, ulong deadline)
    {
        foreach (var token in tokens) Routes.RemoveToken(token, session);
        foreach (var id in ids) Routes.Remove(id, session);
        if (closePacket is null) return;
        if (_tombstones.Count >= _mostTombstones)
        {
            // A peer that missed the close learns of it by a stateless reset, or idles out.
            Metrics.Forgot();
            return;
        }

        var tombstone = new Tombstone(this, ids, closePacket.Length > 0 ? closePacket : null, deadline);
        foreach (var id in ids) Routes.Add(id, tombstone);
        _tombstones.Add(tombstone);
        Metrics.Closed(1);
        Timers.Set(tombstone, deadline);
    }

    public void Bury(Tombstone tombstone)
    {
        foreach (var id in tombstone.Ids) Routes.Remove(id, tombstone);
        _tombstones.Remove(tombstone);
        Metrics.Closed(-1);
        lock (_gate) DecideToStop();
    }

    public void OnDatagram(byte* data, int length, NativePath* path, byte ecn)
    {
        if (length == 0) return;
        VersionAndIds ids;
        var result = QuicLibrary.DecodeVersionAndIds(&ids, data, (nuint)length, CidLength);
        if (result != 0)
        {
            if (result == QuicError.VersionNegotiation && _acceptor is { IsClosed: false })
                Replies.VersionNegotiation(ids, length, path);
            else Metrics.Drop(DropReason.Unreadable);
            return;
        }

        var now = Now;
        var id = new CidKey(new ReadOnlySpan<byte>(ids.DestinationId, (int)ids.DestinationIdLength));
        var isLongHeader = (*data & 0x80) != 0;
        var route = Routes.Find(id) ??
            (isLongHeader ? null : Routes.FindByToken(new ReadOnlySpan<byte>(data, length)));
        if (route is null)
        {
            if (!isLongHeader) Replies.StatelessReset(ids, length, path);
            else if (_acceptor is not null) route = _acceptor.Accept(data, length, path, now);
            else Metrics.Drop(DropReason.NotInitial);
        }

        switch (route)
        {
            case Session session:
                session.OnPacket(data, length, path, ecn, now);
                break;
            case Tombstone tombstone:
                var answer = tombstone.Answer();
                if (!answer.IsEmpty) Sending.Add(answer, path);
                break;
        }
    }

    /// <summary>For specs, on the loop: ends as a killed process does; no peer is told.</summary>
    internal void Vanish()
    {
        lock (_gate) _isStopping = true;
        foreach (var session in _sessions.ToArray()) session.Vanish(Failure.LocallyAborted, Now);
    }

    /// <summary>The thread does it as it ends; others only where there is no thread yet.</summary>
    public void Dispose()
    {
        _acceptor?.Dispose();
        Metrics.Closed(-_tombstones.Count);
        Socket.Dispose();
        _receiving.Dispose();
        Sending.Dispose();
        _signal.Dispose();
        Counters.Endpoint(-1);
        _stopped.TrySetResult();
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0) _signal.Set();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                var woken = Now;
                RunPosted();
                Timers.RunDue(Now);
                WriteDirty();
                lock (_gate)
                {
                    DecideToStop();
                    if (_isStopping) break;
                }

                Metrics.LongestTurn.Note(Now - woken, Now);
                if (!Wait()) continue;
                woken = Now;
                Receive();
                Metrics.LongestTurn.Note(Now - woken, Now);
            }

            RunPosted(); // who asked at the last moment is told that it is over
        }
        catch (Exception fault)
        {
            Log.LoopFailed(fault);
            EndAllAfter(fault);
        }

        Dispose();
    }

    private void RunPosted()
    {
        Interlocked.Exchange(ref _signalled, 0); // before the queue is emptied, or a wake-up could be lost
        while (_posted.TryDequeue(out var work)) work.Run();
    }

    private bool Wait()
    {
        var wait = _posted.IsEmpty && _dirty.Count == 0 ? Timers.UntilNext(Now, LongestWait) : 0;
        var time = new TimeSpecification
        {
            Seconds = (long)(wait / LongestWait),
            Nanoseconds = (long)(wait % LongestWait),
        };
        var polls = stackalloc PollDescriptor[2];
        polls[0] = new PollDescriptor { Descriptor = Socket.Descriptor, Events = SystemLibrary.PollIn };
        polls[1] = new PollDescriptor { Descriptor = _signal.Descriptor, Events = SystemLibrary.PollIn };
        _ = SystemLibrary.Poll(polls, 2, &time, null);
        if (polls[1].ReturnedEvents != 0) _signal.Clear();
        return polls[0].ReturnedEvents != 0;
    }

    private void Receive()
    {
        for (var i = 0; i < BatchesPerTurn; i++)
        {
            var more = _receiving.Receive(this);
            WriteDirty();
            if (!more) return;
        }
    }

    /// <summary>Settles and writes what changed; that can change more, so until all is quiet.</summary>
    private void WriteDirty()
    {
        while (_dirty.Count > 0)
        {
            (_dirty, _writing) = (_writing, _dirty);
            foreach (var session in _writing)
            {
                session.IsDirty = false;
                var now = Now;
                session.Settle(now);
                if (!session.HasEnded) _writer.Write(session, now);
            }

            _writing.Clear();
        }

        Sending.Flush();
    }

    // Under the gate.
    private void DecideToStop()
    {
        if (_holders == 0 && (_acceptor is not null || _tombstones.Count == 0)) _isStopping = true;
    }

    private void EndAllAfter(Exception fault)
    {
        lock (_gate) _isStopping = true;
        var failure = new Failure(QuicTransportError.InternalError, $"the transport loop failed: {fault.Message}");
        foreach (var session in _sessions.ToArray()) session.Vanish(failure, Now);
    }
}
