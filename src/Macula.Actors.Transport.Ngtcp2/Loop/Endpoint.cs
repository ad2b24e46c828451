using System.Collections.Concurrent;
using System.Diagnostics;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A loop: a UDP socket with its thread, on which all that is native happens; but a writer that comes alone takes the
/// sleeping thread's turn (<see cref="Post(ILoopWork)"/>). One turn at a time: "loop thread" is whoever has it.</summary>
/// <remarks>Other threads only post and <see cref="Forward"/>. What the loop completes for them continues elsewhere, so
/// nothing of a user's ever runs here.</remarks>
internal sealed unsafe class Endpoint : IDatagramReceiver, IDisposable
{
    private const int BatchesPerTurn = 8;
    private const ulong LongestWait = 1_000_000_000;

    /// <summary>Nanoseconds. Writers that follow one another closer than this are better served by one thread, which sends
    /// for many at once.</summary>
    private const ulong QuietAfter = 50_000;

    /// <summary>What a writer does for others, who posted meanwhile.</summary>
    private const int MostInBorrowedTurn = 16;

    private const byte LongHeader = 0x80;
    private const byte LongType = 0x30; // 0: Initial (RFC 9000, section 17.2)

    private readonly Lock _turn = new();
    private readonly EventSignal _signal = new();
    private readonly AlarmClock _alarm = new();
    private readonly ConcurrentQueue<ILoopWork> _posted = new();
    private readonly ForwardQueue _forwarded;
    private readonly HashSet<Session> _sessions = [];
    private readonly HashSet<Tombstone> _tombstones = [];
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ReceiveBatch _receiving;
    private readonly PacketWriter _writer;
    private List<Session> _dirty = [];
    private List<Session> _writing = [];
    private int _signalled;
    private ulong _lastPost;
    private ulong _awakeAt; // the thread will be
    private Exception? _fault; // of a borrowed turn
    private bool _isOver;

    public Endpoint(LoopGroup group, ConnectionIds ids, UdpSocket socket)
    {
        (Group, Ids, Socket) = (group, ids, socket);
        Routes = new RouteTable(group.PeerTokens);
        _forwarded = new ForwardQueue(Metrics);
        _receiving = new ReceiveBatch(socket, Metrics);
        Sending = new SendBatch(socket, Metrics);
        _writer = new PacketWriter(Sending);
        Replies = new StatelessReplies(Sending, ids, ResetTokens, group.Budget, Metrics);
        Counters.Endpoint(1);
    }

    /// <summary>Nanoseconds of the monotonic clock.</summary>
    public static ulong Now => (ulong)Stopwatch.GetTimestamp();

    /// <summary>The loops of the port, this one among them.</summary>
    public LoopGroup Group { get; }

    public ConnectionIds Ids { get; }

    public ILogger Log => Group.Log;

    public TransportMetrics Metrics => Group.Metrics;

    public UdpSocket Socket { get; }

    public SendBatch Sending { get; }

    public StatelessResetTokens ResetTokens => Group.ResetTokens;

    public StatelessReplies Replies { get; }

    public RouteTable Routes { get; }

    public TimerQueue Timers { get; } = new();

    /// <summary>A listener's part; null in a client's endpoint.</summary>
    public Acceptor? Acceptor { get; private set; }

    public IReadOnlyCollection<Session> Sessions => _sessions;

    /// <summary>Completes when the thread has ended and the socket is closed.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Before <see cref="Start"/>: it is a listener's.</summary>
    public void Serve(Acceptor acceptor) => Acceptor = acceptor;

    public void Start(string name) => new Thread(Run) { IsBackground = true, Name = name }.Start();

    /// <summary>Any thread: nobody has just asked for something.</summary>
    public bool IsQuiet => Now - Volatile.Read(ref _lastPost) >= QuietAfter;

    /// <summary>Any thread. Where the loop sleeps and is quiet, who asks does the work if it is short, and sends what comes of
    /// it: this saves a thread's waking up.</summary>
    public void Post(ILoopWork work)
    {
        _posted.Enqueue(work);
        if (Interlocked.Exchange(ref _signalled, 1) != 0) return;
        var mayBorrow = work.IsShort && IsQuiet;
        Volatile.Write(ref _lastPost, Now);
        if (!mayBorrow || !TryBorrowTurn()) _signal.Set();
    }

    /// <summary>Any thread.</summary>
    public void Post(Action action) => Post(new LoopAction(action));

    /// <summary>Any thread: a datagram for one of this loop's connections; a copy is taken.</summary>
    public void Forward(byte* data, int length, NativePath* path, byte ecn)
    {
        if (_forwarded.TryAdd(data, length, path, ecn)) Wake();
    }

    /// <summary>Any thread: ends its wait.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0) _signal.Set();
    }

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
        Group.Hold();
        MarkDirty(session);
    }

    public void SessionEnded(Session session)
    {
        _sessions.Remove(session);
        Metrics.Connection(session.IsServer, -1);
        Group.Release();
    }

    /// <summary>A tombstone takes the place of a session, or nothing does.</summary>
    /// <param name="closePacket">What it answers with; empty: nothing; null: no tombstone.</param>
    public void Replace(
        Session session, List<CidKey> ids, IEnumerable<CidKey> tokens, byte[]? closePacket, ulong deadline)
    {
        foreach (var token in tokens) Routes.RemoveToken(token, session);
        foreach (var id in ids) Routes.Remove(id, session);
        if (closePacket is null) return;
        if (!Group.TryRemember())
        {
            // A peer that missed the close learns of it by a stateless reset, or idles out.
            Metrics.Forgot();
            return;
        }

        var tombstone = new Tombstone(this, ids, closePacket.Length > 0 ? closePacket : null, deadline);
        foreach (var id in ids) Routes.Add(id, tombstone);
        _tombstones.Add(tombstone);
        Timers.Set(tombstone, deadline);
    }

    public void Bury(Tombstone tombstone)
    {
        foreach (var id in tombstone.Ids) Routes.Remove(id, tombstone);
        _tombstones.Remove(tombstone);
        Group.Forget(1);
    }

    public void OnDatagram(byte* data, int length, NativePath* path, byte ecn) =>
        Take(data, length, path, ecn, wasForwarded: false);

    /// <summary>Another loop got it from the kernel, and found that it is for this one.</summary>
    public void OnForwarded(byte* data, int length, NativePath* path, byte ecn) =>
        Take(data, length, path, ecn, wasForwarded: true);

    /// <summary>The thread does it as it ends; others only where there is no thread yet.</summary>
    public void Dispose()
    {
        Acceptor?.Dispose();
        Group.Forget(_tombstones.Count);
        Socket.Dispose();
        _receiving.Dispose();
        Sending.Dispose();
        _signal.Dispose();
        _alarm.Dispose();
        _isOver = true;
        Counters.Endpoint(-1);
        _stopped.TrySetResult();
    }

    private void Take(byte* data, int length, NativePath* path, byte ecn, bool wasForwarded)
    {
        if (length == 0) return;
        VersionAndIds ids;
        var result = QuicLibrary.DecodeVersionAndIds(&ids, data, (nuint)length, ConnectionIds.Length);
        if (result != 0)
        {
            if (result == QuicError.VersionNegotiation && Acceptor is { IsClosed: false })
                Replies.VersionNegotiation(ids, length, path);
            else Metrics.Drop(DropReason.Unreadable);
            return;
        }

        var now = Now;
        var id = new ReadOnlySpan<byte>(ids.DestinationId, (int)ids.DestinationIdLength);
        var isLongHeader = (*data & LongHeader) != 0;
        var route = Routes.Find(new CidKey(id)) ??
            (isLongHeader ? null : Routes.FindByToken(new ReadOnlySpan<byte>(data, length)));
        var owner = OwnerOf(route, id, *data);
        if (owner != this)
        {
            if (wasForwarded) Metrics.Drop(DropReason.UnknownConnection); // it has ended on its way
            else owner.Forward(data, length, path, ecn);
            return;
        }

        if (route is null)
        {
            if (!isLongHeader) Replies.StatelessReset(ids, length, path);
            else if (Acceptor is not null) route = Acceptor.Accept(data, length, path, now);
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

    // The id of a first packet is the client's choice and says nothing. A client that moves before the handshake is complete
    // is not followed anyway (RFC 9000, section 9).
    private Endpoint OwnerOf(Route? route, ReadOnlySpan<byte> id, byte first) => route switch
    {
        Session session => session.Endpoint,
        null when (first & LongHeader) == 0 || (first & LongType) != 0 => Group.Loops[Ids.OwnerOf(id)],
        _ => this,
    };

    private void Run()
    {
        var isReadable = false;
        while (TakeTurn(isReadable)) isReadable = Wait();
    }

    /// <returns>False when it was the last.</returns>
    private bool TakeTurn(bool isReadable)
    {
        var woken = Now; // waiting for a writer counts
        lock (_turn)
        {
            try
            {
                if (_fault is not null) throw _fault;
                if (isReadable) Receive();
                RunPosted();
                _forwarded.Deliver(this);
                Timers.RunDue(Now);
                WriteDirty();
                if (!Group.IsStopping)
                {
                    var now = Now;
                    Metrics.LongestTurn.Note(now - woken, now);
                    var isIdle = _posted.IsEmpty && _forwarded.IsEmpty && _dirty.Count == 0;
                    _awakeAt = isIdle ? Math.Min(Timers.Next, now + LongestWait) : now;
                    return true;
                }
            }
            catch (Exception fault)
            {
                Log.LoopFailed(fault);
                Group.Fail(new Failure(QuicTransportError.InternalError, $"the transport loop failed: {fault.Message}"));
            }

            if (Group.Failure is { } failure) EndAll(failure);
            TellLate();
            Dispose();
            return false;
        }
    }

    /// <returns>False when the loop's thread must be woken: it has a turn, or will have to take one.</returns>
    private bool TryBorrowTurn()
    {
        if (_turn.IsHeldByCurrentThread || !_turn.TryEnter()) return false;
        try
        {
            if (_isOver || _fault is not null) return false;
            RunShort();
            WriteDirty();
            if (Timers.Next < _awakeAt) _alarm.Set(_awakeAt = Timers.Next);
            // What others asked for meanwhile, and gave no signal for since this writer was about to.
            return _posted.IsEmpty && _forwarded.IsEmpty && !Group.IsStopping;
        }
        catch (Exception fault)
        {
            _fault = fault;
            return false;
        }
        finally
        {
            _turn.Exit();
        }
    }

    private void RunPosted()
    {
        Interlocked.Exchange(ref _signalled, 0); // before the queues are emptied, or a wake-up could be lost
        while (_posted.TryDequeue(out var work)) work.Run();
    }

    // What is not short waits for the thread.
    private void RunShort()
    {
        Interlocked.Exchange(ref _signalled, 0);
        for (var i = 0; i < MostInBorrowedTurn && _posted.TryPeek(out var next) && next.IsShort; i++)
            if (_posted.TryDequeue(out var work)) work.Run();
    }

    // Who asked at the last moment is told that it is over. A fault of one must not keep the others from it.
    private void TellLate()
    {
        while (_posted.TryDequeue(out var work))
        {
            try
            {
                work.Run();
            }
            catch (Exception fault)
            {
                Log.LoopFailed(fault);
            }
        }
    }

    private bool Wait()
    {
        var (now, until) = (Now, Volatile.Read(ref _awakeAt));
        var wait = until > now ? until - now : 0;
        var time = new TimeSpecification
        {
            Seconds = (long)(wait / LongestWait),
            Nanoseconds = (long)(wait % LongestWait),
        };
        var polls = stackalloc PollDescriptor[3];
        polls[0] = new PollDescriptor { Descriptor = Socket.Descriptor, Events = SystemLibrary.PollIn };
        polls[1] = new PollDescriptor { Descriptor = _signal.Descriptor, Events = SystemLibrary.PollIn };
        polls[2] = new PollDescriptor { Descriptor = _alarm.Descriptor, Events = SystemLibrary.PollIn };
        _ = SystemLibrary.Poll(polls, 3, &time, null);
        if (polls[1].ReturnedEvents != 0) _signal.Clear();
        if (polls[2].ReturnedEvents != 0) _alarm.Clear();
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

    private void EndAll(Failure failure)
    {
        foreach (var session in _sessions.ToArray()) session.Vanish(failure, Now);
    }
}
