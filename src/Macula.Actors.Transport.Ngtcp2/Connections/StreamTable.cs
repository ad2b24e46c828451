using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The streams of a session: who may send next, who is blocked, and the credit they give the peer.</summary>
/// <remarks>Loop thread only, except where said otherwise.</remarks>
internal sealed unsafe class StreamTable(Session session)
{
    private const long ServerInitiated = 1;
    private const long Unidirectional = 2;

    private readonly StreamsById<QuicStream> _streams = new();
    private StreamQueue _round; // of those that have something to send
    private StreamQueue _unflushed;

    // Made when first needed: most connections of a server never need them.
    private List<QuicStream>? _blockedByConnection;
    private List<QuicStream>? _watched;
    private Queue<OpenRequest>? _openRequests;
    private Queue<OpenRequest>? _unidirectionalOpenRequests;
    private List<(long Id, long Code)>? _stops;
    private long _consumed;

    public Endpoint Endpoint => session.Endpoint;

    public QuicConnectionOptions Options => session.Options;

    public IQuicConnection Connection => session.Connection;

    public bool HasEnded => session.HasEnded;

    /// <summary>A packet came since the last write pass.</summary>
    public bool HaveHeard { get; set; }

    /// <summary>Consumed bytes beyond which the peer is told at once.</summary>
    public long CreditStep { get; } = Math.Max(1, session.Options.ConnectionReceiveWindow / 8);

    /// <summary>Any thread: notes bytes consumed on any stream; returns those that wait to be credited.</summary>
    public long AddConsumed(long count) => Interlocked.Add(ref _consumed, count);

    public void ForgetConsumed(long count) => Interlocked.Add(ref _consumed, -count);

    public QuicStream? Find(long id) => _streams.Find(id);

    /// <summary>The stream, announced to the user when the peer has just opened it.</summary>
    public QuicStream? FindOrAnnounce(long id)
    {
        if (Find(id) is { } known) return known;
        if (IsLocal(id)) return null;
        var stream = new QuicStream(this, id, canRead: true, canWrite: !IsUnidirectional(id));
        _streams.Add(id, stream);
        session.Connection.Announce(stream);
        return stream;
    }

    public void Open(OpenRequest request)
    {
        if (request.IsUnidirectional) (_unidirectionalOpenRequests ??= new()).Enqueue(request);
        else (_openRequests ??= new()).Enqueue(request);
        ServeOpenRequests();
    }

    /// <summary>Opens streams for who waits, as far as the peer's limit allows.</summary>
    public void ServeOpenRequests()
    {
        Serve(_openRequests);
        Serve(_unidirectionalOpenRequests);
    }

    public void OnData(QuicStream stream, ReadOnlySpan<byte> data, bool fin)
    {
        var isQueued = stream.HasUnflushedInput;
        stream.OnData(data, fin);
        if (!isQueued && stream.HasUnflushedInput) _unflushed.Enqueue(stream);
    }

    /// <summary>Lets the readers see what a batch of packets brought: one wake-up each.</summary>
    public void FlushInputs()
    {
        while (_unflushed.TryDequeue(out var stream)) stream.FlushInput();
    }

    public void OnClosed(long id)
    {
        if (_streams.Remove(id) is { } stream)
        {
            if (_stops is not null)
                foreach (var stop in _stops)
                    if (stop.Id == id) stream.OnStopped(stop.Code);
            stream.OnClosed(null);
            if (IsLocal(id)) return;
            // A stream that nobody has accepted yet still counts, or a peer could pile them up.
            if (stream.MarkClosedByLibrary()) ReturnStreamCredit(id);
        }
        else if (!IsLocal(id))
        {
            ReturnStreamCredit(id);
        }
    }

    /// <summary>The packet that is being read has a STOP_SENDING; <see cref="TellStops"/> tells when it is read.</summary>
    public void NoteStop(long id, long errorCode) => (_stops ??= []).Add((id, errorCode));

    /// <summary>A packet has been read: writers hear which of them the peer stopped reading, and why.</summary>
    public void TellStops()
    {
        if (_stops is not { Count: > 0 }) return;
        foreach (var stop in _stops)
            if (Find(stop.Id) is { CanWrite: true } stream) stream.OnStopped(stop.Code);
        _stops.Clear();
    }

    /// <param name="id">The stream in whose place the peer may open another.</param>
    public void ReturnStreamCredit(long id)
    {
        if (session.HasEnded) return;
        if (IsUnidirectional(id)) QuicLibrary.ExtendMaxStreamsUni(session.Native, 1);
        else QuicLibrary.ExtendMaxStreamsBidi(session.Native, 1);
        session.MarkDirty();
    }

    public void QueueToSend(QuicStream stream)
    {
        if (!stream.IsQueued && !stream.IsBlocked && stream.Sending.HasPending)
        {
            stream.IsQueued = true;
            _round.Enqueue(stream);
        }

        session.MarkDirty();
    }

    /// <summary>The next stream with something to send, or with a writer that must learn whether the peer still
    /// reads.</summary>
    public QuicStream? NextSender()
    {
        while (_round.TryPeek(out var stream))
        {
            if (!stream.IsGone && (stream.Sending.HasPending || (stream.IsFlushWaiting && !stream.Sending.HasSentFin))) return stream;
            Leave(stream);
        }

        return null;
    }

    /// <summary>The stream had its turn.</summary>
    public void Rotate(QuicStream stream)
    {
        if (stream.Sending.HasPending && _round.Count == 1) return;
        Leave(stream);
        if (!stream.Sending.HasPending) return;
        stream.IsQueued = true;
        _round.Enqueue(stream);
    }

    /// <summary>The stream's or the connection's window is used up.</summary>
    public void Park(QuicStream stream)
    {
        Leave(stream);
        stream.IsBlocked = true;
        // The library tells when a stream's window opens, but not when the connection's does.
        if (stream.IsBlockedByConnection || QuicLibrary.GetMaxDataLeft(session.Native) > 0) return;
        stream.IsBlockedByConnection = true;
        (_blockedByConnection ??= []).Add(stream);
    }

    public void Unpark(QuicStream stream)
    {
        stream.IsBlocked = false;
        QueueToSend(stream);
    }

    /// <summary>The library refuses bytes of the stream: the peer stopped reading, or the stream is over.</summary>
    public void Stopped(QuicStream stream)
    {
        Leave(stream);
        stream.OnStopped(null);
    }

    /// <summary>Called before each write pass.</summary>
    public void LookAgain()
    {
        if (_blockedByConnection is { Count: > 0 } && QuicLibrary.GetMaxDataLeft(session.Native) > 0)
        {
            foreach (var stream in _blockedByConnection)
            {
                stream.IsBlockedByConnection = false;
                Unpark(stream);
            }

            _blockedByConnection.Clear();
        }

        if (!HaveHeard) return;
        HaveHeard = false;
        for (var i = (_watched?.Count ?? 0) - 1; i >= 0; i--)
        {
            var stream = _watched![i];
            if (stream.IsGone || !stream.IsFlushWaiting)
            {
                stream.IsWatched = false;
                _watched.RemoveAt(i);
            }
            else if (!stream.IsQueued && stream.Sending is { HasSent: true, HasSentFin: false })
            {
                stream.IsQueued = true;
                _round.Enqueue(stream);
            }
        }
    }

    /// <summary>A writer waits for acknowledgements. If the peer stops reading they never come, and the library says
    /// so only to who tries to send; hence an empty try after each packet.</summary>
    public void WatchForStop(QuicStream stream)
    {
        if (stream.IsWatched) return;
        stream.IsWatched = true;
        (_watched ??= []).Add(stream);
    }

    public void ResetStream(QuicStream stream, long errorCode)
    {
        _ = QuicLibrary.ShutdownStreamWrite(session.Native, 0, stream.Id, (ulong)errorCode);
        session.MarkDirty();
    }

    public void StopStream(QuicStream stream, long errorCode)
    {
        _ = QuicLibrary.ShutdownStreamRead(session.Native, 0, stream.Id, (ulong)errorCode);
        session.MarkDirty();
    }

    public void Credit(QuicStream stream, long count)
    {
        if (!stream.IsGone) _ = QuicLibrary.ExtendMaxStreamOffset(session.Native, stream.Id, (ulong)count);
        CreditConnection(count);
    }

    public void CreditConnection(long count)
    {
        if (count <= 0) return;
        QuicLibrary.ExtendMaxOffset(session.Native, (ulong)count);
        session.MarkDirty();
    }

    /// <summary>An orderly close: a FIN on every stream.</summary>
    public void FinishAll()
    {
        foreach (var stream in _streams.All)
        {
            stream.Finish();
            QueueToSend(stream);
        }
    }

    /// <summary>True while written bytes are not acknowledged, or a FIN is not sent.</summary>
    public bool HasUndelivered()
    {
        foreach (var stream in _streams.All)
            if (stream.Sending.HasPending || stream.Sending.HasUnacknowledged) return true;
        return false;
    }

    public void EndAll(Failure failure)
    {
        FlushInputs();
        foreach (var stream in _streams.All) stream.OnClosed(failure);
        _streams.Clear();
        _round.Clear();
        _blockedByConnection?.Clear();
        _watched?.Clear();
        FailAll(_openRequests, failure);
        FailAll(_unidirectionalOpenRequests, failure);
    }

    private static void FailAll(Queue<OpenRequest>? requests, Failure failure)
    {
        while (requests is not null && requests.TryDequeue(out var request)) request.Fail(failure);
    }

    private void Serve(Queue<OpenRequest>? requests)
    {
        while (requests is not null && requests.TryPeek(out var request))
        {
            if (request.IsOver)
            {
                requests.Dequeue();
                continue;
            }

            long id;
            var result = request.IsUnidirectional
                ? QuicLibrary.OpenUniStream(session.Native, &id, null)
                : QuicLibrary.OpenBidiStream(session.Native, &id, null);
            if (result == QuicError.StreamIdBlocked) return;
            requests.Dequeue();
            if (result != 0)
            {
                request.Fail(new Failure(QuicTransportError.InternalError, QuicLibrary.Describe(result)));
                continue;
            }

            var stream = new QuicStream(this, id, canRead: !request.IsUnidirectional, canWrite: true);
            _streams.Add(id, stream);
            stream.MarkAccepted();
            request.Complete(stream);
        }
    }

    private void Leave(QuicStream stream)
    {
        _round.TryDequeue(out _);
        stream.IsQueued = false;
    }

    private static bool IsUnidirectional(long id) => (id & Unidirectional) != 0;

    private bool IsLocal(long id) => ((id & ServerInitiated) != 0) == session.IsServer;
}
