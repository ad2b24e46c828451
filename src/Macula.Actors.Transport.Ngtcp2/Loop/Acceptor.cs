using System.Net;
using System.Threading.Channels;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A listener's part of the loop: lets connections in and hands them over.</summary>
internal sealed unsafe class Acceptor : IDisposable
{
    /// <summary>Failed handshakes that wait to be told; beyond it they are only counted.</summary>
    private const int MostUntold = 1000;

    private const ulong WarningInterval = 10_000_000_000;

    private readonly Channel<QuicConnection> _waiting;
    private readonly RetryTokens _tokens;
    private int _untold;
    private ulong _warnAgainAt;
    private long _unlogged;

    /// <exception cref="QuicTransportException">The certificate cannot be used.</exception>
    public Acceptor(Endpoint endpoint, QuicListenOptions options, Ngtcp2Options defence, RetryTokens tokens)
    {
        (Endpoint, Options, _tokens) = (endpoint, options, tokens);
        Admission = new Admission(defence, endpoint.Metrics);
        Credentials = new ServerCredentials(options);
        _waiting = Channel.CreateBounded<QuicConnection>(options.AcceptBacklog);
    }

    public Endpoint Endpoint { get; }

    public QuicListenOptions Options { get; }

    public ServerCredentials Credentials { get; }

    public Admission Admission { get; }

    /// <summary>Connections whose handshake is complete.</summary>
    public ChannelReader<QuicConnection> Waiting => _waiting.Reader;

    public bool IsClosed { get; private set; }

    /// <summary>A packet with a long header that belongs to no connection: perhaps a client's first. Null when it was
    /// answered otherwise or dropped.</summary>
    /// <remarks>What costs least comes first: parsing, the limits, the token; a connection only then.</remarks>
    public Session? Accept(byte* data, int length, NativePath* path, ulong now)
    {
        PacketHeader header;
        if (QuicLibrary.Accept(&header, data, (nuint)length) != 0)
        {
            Endpoint.Metrics.Drop(DropReason.NotInitial);
            return null;
        }

        if (Refusal(AddressKey.Of(path->Remote)) is { } reason)
        {
            Refuse(&header, reason, TransportCode.ConnectionRefused, path, now);
            return null;
        }

        NativeCid originalId;
        var hasProvedAddress = RetryTokens.IsRetry(header.Token);
        if (hasProvedAddress && !_tokens.Verify(&header, path, &originalId))
        {
            Refuse(&header, RefusalReason.InvalidToken, TransportCode.InvalidToken, path, now);
            return null;
        }

        if (!hasProvedAddress && Admission.MustProveAddress)
        {
            Endpoint.Replies.Retry(&header, _tokens, path);
            return null;
        }

        try
        {
            var session = new ServerSession(this, &header, hasProvedAddress ? &originalId : null, path, now);
            Endpoint.SessionStarted(session);
            Admission.Started(session.Origin);
            return session;
        }
        catch (QuicTransportException fault)
        {
            Endpoint.Log.AcceptFailed(fault);
            return null;
        }
    }

    /// <summary>False when nobody can take it.</summary>
    public bool Announce(ServerSession session)
    {
        Admission.Completed(session.Origin);
        if (_waiting.Writer.TryWrite(session.Connection)) return true;
        Endpoint.Metrics.Refuse(IsClosed ? RefusalReason.NotListening : RefusalReason.Backlog);
        return false;
    }

    public void OnSessionEnded(ServerSession session, bool announced, Failure failure)
    {
        Admission.Ended(session.Origin, completed: announced);
        if (announced) return;
        var (told, remote) = (Options.OnHandshakeFailed, session.Remote);
        if (Endpoint.Log.IsEnabled(LogLevel.Debug))
            Endpoint.Log.HandshakeFailed(remote.EndPoint, failure.Message);
        if (told is null || Interlocked.Increment(ref _untold) > MostUntold)
        {
            if (told is not null) Interlocked.Decrement(ref _untold);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(_ => Tell(told, remote.EndPoint, failure.Message), null);
    }

    /// <summary>Lets nobody in any more; connections that nobody has accepted end.</summary>
    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        _waiting.Writer.TryComplete();
        while (_waiting.Reader.TryRead(out var connection)) connection.AbortOnLoop();
        foreach (var session in Endpoint.Sessions.Where(session => !session.HandshakeCompleted).ToArray())
            session.Close(new CloseRequest(Options.DefaultCloseErrorCode, "", Orderly: false));
    }

    /// <summary>After the last session.</summary>
    public void Dispose()
    {
        _waiting.Writer.TryComplete();
        Credentials.Dispose();
    }

    private RefusalReason? Refusal(AddressKey from) =>
        IsClosed ? RefusalReason.NotListening
        : _waiting.Reader.Count >= Options.AcceptBacklog ? RefusalReason.Backlog
        : Admission.Refusal(from);

    private void Refuse(PacketHeader* header, RefusalReason reason, ulong code, NativePath* path, ulong now)
    {
        Endpoint.Metrics.Refuse(reason);
        Endpoint.Replies.Refuse(header, code, path);
        if (reason == RefusalReason.NotListening) return;
        if (now < _warnAgainAt)
        {
            _unlogged++;
            return;
        }

        Endpoint.Log.Refused(SocketAddresses.Read(SocketAddresses.Span(path->Remote)), reason, _unlogged);
        (_warnAgainAt, _unlogged) = (now + WarningInterval, 0);
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
            Endpoint.Log.UserCallbackFailed(fault);
        }
    }
}
