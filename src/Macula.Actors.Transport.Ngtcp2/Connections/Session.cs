using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>A live connection as the loop sees it: owner of everything native.</summary>
/// <remarks>
/// <para>Loop thread only, except where said otherwise. It ends in exactly one place, <see cref="End"/>, which frees
/// the native state and tells all who wait; what is left then is a tombstone, or nothing.</para>
/// <para>Inside a callback of the library nothing is read, written, closed or freed; the callback notes what is to be
/// done and <see cref="Settle"/> does it afterwards.</para>
/// </remarks>
internal abstract unsafe class Session : Route
{
    private const ulong PathTick = 1_000_000_000;

    /// <summary>Nanoseconds; more than a validation may take, three probe time-outs of a new path, and a few.</summary>
    private const ulong PathWatch = 10_000_000_000;

    /// <summary>Of the interval; each connection's is so much shorter at most.</summary>
    private const double KeepAliveSpread = 0.2;

    /// <summary>Nanoseconds after the last packet.</summary>
    private const ulong KeysRestAfter = 1_000_000_000;

    private readonly List<CidKey> _resetTokens = new(1);
    private GCHandle _self;
    private ConnectionReference* _reference;
    private void* _native;
    private TlsSession? _tls;
    private CloseRequest? _close;
    private ulong _closeAt = Never;
    private ulong _pathTickAt = Never;
    private ulong _keysRestAt = Never;
    private ulong _pathWatchEnd = Never;
    private Exception? _fault;
    private Failure? _pendingFailure;
    private RemoteAddress _remote;
    private RemoteAddress _proved; // where the peer was last known to be for certain
    private PathCredit? _credit; // null: without limit

    protected Session(Endpoint endpoint, QuicConnectionOptions options, ReadOnlySpan<byte> remote)
    {
        Endpoint = endpoint;
        Options = options;
        _remote = _proved = new RemoteAddress(remote);
        _self = GCHandle.Alloc(this);
        _reference = (ConnectionReference*)NativeMemory.AllocZeroed((nuint)sizeof(ConnectionReference));
        _reference->GetConnection = &TlsCallbacks.GetConnection;
        _reference->SessionHandle = GCHandle.ToIntPtr(_self);
        Keys = new PacketKeys(GCHandle.ToIntPtr(_self));
        Connection = new QuicConnection(this);
        Streams = new StreamTable(this);
    }

    public Endpoint Endpoint { get; }

    public QuicConnectionOptions Options { get; }

    public QuicConnection Connection { get; }

    public StreamTable Streams { get; }

    public PacketKeys Keys { get; }

    public abstract bool IsServer { get; }

    public void* Native => _native;

    /// <summary>Bytes sent since the pacer was last told.</summary>
    public long Unpaced { get; set; }

    /// <summary>Queued in the endpoint to be written.</summary>
    public bool IsDirty { get; set; }

    public bool HandshakeCompleted { get; private set; }

    /// <summary>It has ended with its first packet, which was none or was answered by a Retry packet.</summary>
    public bool NeverBegan { get; private set; }

    /// <summary>Whether handshake messages can still be taken.</summary>
    public bool HasTls => _tls is not null;

    /// <summary>An orderly close has begun.</summary>
    public bool IsClosing => _close is not null;

    /// <summary>Any thread: set once, when it has ended.</summary>
    public Failure? EndFailure { get; private set; }

    public bool HasEnded => EndFailure is not null;

    /// <summary>Any thread.</summary>
    public RemoteAddress Remote => Volatile.Read(ref _remote);

    /// <summary>Any thread: what the handshake brought.</summary>
    public PeerCertificates? PeerCertificates { get; private set; }

    public string? Protocol { get; private set; }

    public string? ServerName { get; private set; }

    protected ConnectionReference* Reference => _reference;

    /// <summary>Null once it is given back.</summary>
    protected TlsSession? Tls => _tls;

    protected void* User => (void*)GCHandle.ToIntPtr(_self);

    /// <summary>Null, or why the peer's certificates were refused.</summary>
    protected string? VerificationFault { get; private set; }

    public static Session From(void* user) => Unsafe.As<Session>(GCHandle.FromIntPtr((nint)user).Target!);

    public void MarkDirty() => Endpoint.MarkDirty(this);

    /// <summary>An exception in a callback; the library then ends the connection.</summary>
    public void Remember(Exception fault) => _fault ??= fault;

    /// <summary>In a callback: the connection must end once the library has returned.</summary>
    public void FailLater(Failure failure)
    {
        _pendingFailure ??= failure;
        MarkDirty();
    }

    public void AddResetToken(CidKey token)
    {
        _resetTokens.Add(token);
        Endpoint.Routes.AddToken(token, this);
    }

    public void RemoveResetToken(CidKey token)
    {
        _resetTokens.Remove(token);
        Endpoint.Routes.RemoveToken(token, this);
    }

    /// <summary>In the handshake, after the peer proved that it owns its certificate.</summary>
    public bool VerifyPeer()
    {
        PeerCertificates = new PeerCertificates(_tls!.PeerCertificates());
        VerificationFault = Judge(PeerCertificates);
        return VerificationFault is null;
    }

    public void OnHandshakeCompleted()
    {
        HandshakeCompleted = true;
        Protocol = _tls!.SelectedProtocol();
        ServerName = NameAskedFor(_tls);
        // A server that answers without any application protocol passes GnuTLS.
        if (Protocol is null) FailLater(Failure.FromAlert(Failure.AlertNoApplicationProtocol, "the server's answer"));
        MarkDirty();
    }

    /// <summary>The client knows that the server has accepted it.</summary>
    public virtual void OnHandshakeConfirmed()
    {
    }

    /// <summary>A packet for this connection.</summary>
    public void OnPacket(byte* data, int length, NativePath* path, byte ecn, ulong now)
    {
        var info = new PacketInfo { Ecn = ecn };
        Streams.HaveHeard = true;
        BeforeRead(path);
        KeyCallbacks.Reading(this);
        var result = QuicLibrary.ReadPacket(_native, path, 1, &info, data, (nuint)length, now);
        KeyCallbacks.Reading(null);
        Streams.TellStops();
        if (result == 0)
        {
            NoticeMigration(path->Remote, length, now);
            MarkDirty();
            return;
        }

        switch (result)
        {
            case QuicError.Draining:
                Streams.FlushInputs();
                End(_pendingFailure ?? Failure.FromPeer(QuicLibrary.GetCloseError(_native)), byPeer: true, [], now);
                break;
            case QuicError.DropConnection when IsServer:
                // The first packet was none: nobody was there, and nobody is told.
                NeverBegan = true;
                Endpoint.Metrics.Drop(DropReason.BadInitial);
                End(new Failure(QuicTransportError.ProtocolError, "the first packet was not valid"), byPeer: true, null, now);
                break;
            case QuicError.Retry when IsServer:
                // The library keeps nothing of a hello whose beginning has not come, but of those who prove their address.
                NeverBegan = true;
                AskForAddress(data, length, path);
                End(new Failure(QuicTransportError.ProtocolError, "the client was asked to prove its address"),
                    byPeer: true, null, now);
                break;
            case QuicError.DropConnection or QuicError.Retry or QuicError.ReceivedVersionNegotiation:
                var failure = _pendingFailure ??
                    new Failure(QuicTransportError.ProtocolError, QuicLibrary.Describe(result));
                End(failure, byPeer: true, null, now);
                break;
            default:
                FailWith(result, now);
                break;
        }
    }

    public override void OnTimer(ulong now)
    {
        if (HasEnded) return;
        if (now >= _closeAt)
        {
            CloseNow(now);
            return;
        }

        if (now >= _pathTickAt) OnPathTick(now);
        if (now >= _keysRestAt) RestKeys();
        if (now >= StandstillAt) OnStandstill(now);
        if (QuicLibrary.GetExpiry(_native) <= now)
        {
            var result = QuicLibrary.HandleExpiry(_native, now);
            switch (result)
            {
                case 0:
                    MarkDirty();
                    return;
                case QuicError.IdleClose:
                    End(new Failure(QuicTransportError.ConnectionIdle, "nothing was heard for the idle time-out"),
                        byPeer: true, null, now);
                    return;
                case QuicError.HandshakeTimeout:
                    End(HandshakeTimedOut(), byPeer: true, null, now);
                    return;
                default:
                    FailWith(result, now);
                    return;
            }
        }

        Arm();
    }

    /// <summary>Does what callbacks asked for; called when the library has returned.</summary>
    public void Settle(ulong now)
    {
        if (HasEnded) return;
        Streams.FlushInputs();
        if (_pendingFailure is { } failure)
        {
            FailWith(failure, now);
            return;
        }

        if (HandshakeCompleted) AfterHandshake(now);
    }

    /// <summary>How long the next packet may be.</summary>
    public int PacketRoom(int most) => _credit?.Room(most) ?? most;

    public void OnPacketWritten(in NativeAddress to, int length)
    {
        if (_credit is not null && IsCurrent(to)) _credit.Sent(length);
    }

    /// <summary>In a callback: a PATH_CHALLENGE with this is about to be sent.</summary>
    public void OnChallenge(ReadOnlySpan<byte> data) => _credit?.Challenged(data);

    /// <summary>In a callback: a packet of the peer's was opened.</summary>
    public void OnOpened(ReadOnlySpan<byte> payload)
    {
        if (_credit?.IsProvedBy(payload) is true) _credit = null;
    }

    /// <summary>In a callback: whether the peer is where it seems to have moved is known now. Without it the library goes
    /// back to where it was, if anywhere, in the middle of a write pass that had no room.</summary>
    public void OnPathJudged(bool isThere, bool isBack)
    {
        if (isThere) _proved = _remote;
        else if (isBack) Volatile.Write(ref _remote, _proved);
        _credit = null;
        MarkDirty();
    }

    /// <summary>After each write pass.</summary>
    public void AfterWrite(ulong now)
    {
        if (Keys.AreInUse) _keysRestAt = now + KeysRestAfter;
        WatchWindow(now);
        if (_close is not null && !Streams.HasUndelivered()) CloseNow(now);
        else Arm();
    }

    /// <summary>An orderly close waits until all that was written is acknowledged, or the time-out has passed; an
    /// abort does not, and cuts a waiting close short.</summary>
    public void Close(CloseRequest request)
    {
        if (HasEnded || (_close is not null && request.Orderly)) return;
        var now = Endpoint.Now;
        _close = request;
        if (!request.Orderly || !HandshakeCompleted)
        {
            CloseNow(now);
            return;
        }

        _closeAt = now + Nanoseconds(Options.CloseTimeout);
        Streams.FinishAll();
        MarkDirty();
    }

    /// <summary>An error of the library's ends the connection; the peer is told.</summary>
    public void FailWith(int libraryError, ulong now)
    {
        var alert = QuicLibrary.GetTlsAlert(_native);
        if (_fault is not null) Endpoint.Log.CallbackFailed(_fault);
        var failure = VerificationFault is not null
            ? new Failure(QuicTransportError.AuthenticationFailed, VerificationFault)
            : _fault is not null
                ? new Failure(QuicTransportError.InternalError, $"a callback failed: {_fault.Message}")
                : Failure.FromLibrary(libraryError, alert);
        var reason = Text.ReasonBytes(VerificationFault ?? "");
        fixed (byte* start = reason)
        {
            var error = CloseErrors.FromLibrary(libraryError, alert, start, reason.Length);
            WriteCloseAndEnd(&error, failure, byPeer: _fault is null, now);
        }
    }

    /// <summary>This side ends the connection with a transport error.</summary>
    public void FailWith(Failure failure, ulong now)
    {
        var error = CloseErrors.From(failure);
        WriteCloseAndEnd(&error, failure, byPeer: false, now);
    }

    /// <summary>The end without a word to the peer.</summary>
    public void Vanish(Failure failure, ulong now) => End(failure, byPeer: false, null, now);

    /// <summary>Frees what a constructor that failed half-way has made; nobody knows the session yet.</summary>
    protected void Discard()
    {
        EndFailure = Failure.LocallyClosed;
        FreeNative();
    }

    protected void Adopt(void* native, TlsSession tls)
    {
        _tls = tls;
        QuicLibrary.SetTlsHandle(native, tls.Handle);
        if (Options.KeepAliveInterval > TimeSpan.Zero) QuicLibrary.SetKeepAliveTimeout(native, KeepAlive());
    }

    /// <summary>The library's object exists; from here on <see cref="FreeNative"/> frees it.</summary>
    protected void Own(void* native)
    {
        _native = native;
        _reference->Connection = native;
        Counters.NativeConnection(1);
    }

    /// <summary>Gives the TLS session back, a quarter of an idle connection's memory. Nobody needs it once the handshake is
    /// confirmed: tickets are neither sent nor used, and key updates do without (RFC 9001, section 6).</summary>
    protected void FreeTls()
    {
        QuicLibrary.SetTlsHandle(_native, null);
        _tls?.Dispose();
        _tls = null;
    }

    protected static ulong Nanoseconds(TimeSpan time) => (ulong)Math.Max(0, time.Ticks) * 100;

    protected abstract string? Judge(PeerCertificates certificates);

    protected abstract string? NameAskedFor(TlsSession tls);

    /// <summary>Nanoseconds; when <see cref="OnStandstill"/> is to be called.</summary>
    protected virtual ulong StandstillAt => Never;

    /// <summary>After each write pass, before the timer is set.</summary>
    protected virtual void WatchWindow(ulong now)
    {
    }

    protected virtual void OnStandstill(ulong now)
    {
    }

    /// <summary>A packet that came on this path is about to be read.</summary>
    protected virtual void BeforeRead(NativePath* path)
    {
    }

    /// <summary>The handshake is complete and the library can be used again.</summary>
    protected abstract void AfterHandshake(ulong now);

    /// <summary>Last of all; native state is gone.</summary>
    protected abstract void OnEnded(Failure failure);

    /// <summary>A server's: the client that sent this must prove its address.</summary>
    protected virtual void AskForAddress(byte* data, int length, NativePath* path)
    {
    }

    protected virtual Failure HandshakeTimedOut() =>
        new(QuicTransportError.ConnectionTimeout, "the handshake was not complete in time");

    private void Arm()
    {
        if (HasEnded) return;
        var own = Math.Min(Math.Min(_closeAt, _pathTickAt), Math.Min(_keysRestAt, StandstillAt));
        Endpoint.Timers.Set(this, Math.Min(QuicLibrary.GetExpiry(_native), own));
    }

    // Some sooner than asked for: clients that came in one burst would say that they are there in one, too, for ever.
    private ulong KeepAlive() => Nanoseconds(Options.KeepAliveInterval * (1 - (Random.Shared.NextDouble() * KeepAliveSpread)));

    private void RestKeys()
    {
        Keys.Rest();
        _keysRestAt = Never;
    }

    private void NoticeMigration(in NativeAddress from, int length, ulong now)
    {
        if (IsCurrent(from))
        {
            _credit?.Received(length);
            return;
        }

        var current = SocketAddresses.Span(QuicLibrary.GetPath(_native)->Remote);
        if (_remote.Bytes.SequenceEqual(current)) return;
        var isProved = _proved.Bytes.SequenceEqual(current);
        Volatile.Write(ref _remote, isProved ? _proved : new RemoteAddress(current));
        _credit = isProved ? null : new PathCredit(length);
        if (_pathWatchEnd == Never) QuicLibrary.SetKeepAliveTimeout(_native, PathTick);
        (_pathTickAt, _pathWatchEnd) = (now + PathTick, now + PathWatch);
    }

    private bool IsCurrent(in NativeAddress address) => _remote.Bytes.SequenceEqual(SocketAddresses.Span(address));

    // Perhaps nobody is at the new address (RFC 9000, section 9.3.3). While no challenge fits in what may be sent there, no
    // timer of the path's validation runs, after which the library would go back; and a peer that has nothing to say waits
    // too. So it is woken, and has something to say that wants an answer.
    private void OnPathTick(ulong now)
    {
        _pathTickAt = now + PathTick;
        MarkDirty();
        if (now < _pathWatchEnd) return;
        (_pathTickAt, _pathWatchEnd) = (Never, Never);
        QuicLibrary.SetKeepAliveTimeout(_native, KeepAlive()); // 0: none
    }

    private void CloseNow(ulong now)
    {
        CloseError error;
        QuicLibrary.CloseErrorDefault(&error);
        var reason = Text.ReasonBytes(_close!.Reason);
        fixed (byte* start = reason)
        {
            QuicLibrary.CloseErrorSetApplication(&error, (ulong)_close.ErrorCode, start, (nuint)reason.Length);
            WriteCloseAndEnd(&error, _close.Failure, byPeer: false, now);
        }
    }

    private void WriteCloseAndEnd(CloseError* error, Failure failure, bool byPeer, ulong now)
    {
        var batch = Endpoint.Sending;
        var packet = batch.Next();
        var local = stackalloc byte[SocketAddresses.Room];
        var remote = stackalloc byte[SocketAddresses.Room];
        var path = new NativePath
        {
            Local = { SocketAddress = local, Length = SocketAddresses.Room },
            Remote = { SocketAddress = remote, Length = SocketAddresses.Room },
        };
        PacketInfo info;
        var length = (int)QuicLibrary.WriteConnectionClose(
            _native, &path, 1, &info, packet, SendBatch.LargestPacket, error, now);
        byte[]? closePacket = null;
        if (length > 0)
        {
            closePacket = new ReadOnlySpan<byte>(packet, length).ToArray();
            batch.Add(length, &path, info.Ecn);
        }

        End(failure, byPeer, closePacket, now);
    }

    /// <param name="closePacket">What a tombstone answers with; empty: it is silent; null: no tombstone.</param>
    private void End(Failure failure, bool byPeer, byte[]? closePacket, ulong now)
    {
        if (HasEnded) return;
        EndFailure = failure;
        if (failure.Error == QuicTransportError.StatelessReset) Endpoint.Metrics.ResetReceived();
        Endpoint.Replace(this, OwnIds(), _resetTokens, closePacket, now + (3 * QuicLibrary.GetProbeTimeout(_native)));
        Timer.Route = null;
        FreeNative();
        Streams.EndAll(failure);
        var closed = byPeer || _close is null
            ? new QuicClosed(failure.Error, failure.ErrorCode, byPeer, failure.Message)
            : _close.ToClosed();
        OnEnded(failure);
        Endpoint.SessionEnded(this);
        Connection.OnEnded(closed, failure);
    }

    private List<CidKey> OwnIds()
    {
        var found = new NativeCid[(int)QuicLibrary.GetSourceIds(_native, null)];
        fixed (NativeCid* first = found) _ = QuicLibrary.GetSourceIds(_native, first);
        var ids = new List<CidKey>(found.Length + 1);
        foreach (var id in found) ids.Add(new CidKey(&id));
        AddFirstIds(ids);
        return ids;
    }

    /// <summary>Ids that lead here and that the library does not list.</summary>
    protected virtual void AddFirstIds(List<CidKey> ids)
    {
    }

    // The order matters: the library still calls GnuTLS; GnuTLS may still look at the reference.
    private void FreeNative()
    {
        if (_native != null)
        {
            QuicLibrary.Delete(_native);
            Keys.Wipe();
            _native = null;
            Counters.NativeConnection(-1);
        }

        _tls?.Dispose();
        _tls = null;
        Poison.Free(_reference, (nuint)sizeof(ConnectionReference));
        _reference = null;
        _self.Free();
    }
}
