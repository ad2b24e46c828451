using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A loop's part of a listener: lets connections in and hands them over.</summary>
internal sealed unsafe class Acceptor : IDisposable
{
    private readonly ListenerState _listener;

    /// <exception cref="QuicTransportException">The certificate cannot be used.</exception>
    public Acceptor(Endpoint endpoint, ListenerState listener)
    {
        (Endpoint, _listener) = (endpoint, listener);
        Credentials = new ServerCredentials(listener.Options);
    }

    public Endpoint Endpoint { get; }

    public QuicListenOptions Options => _listener.Options;

    public ServerCredentials Credentials { get; }

    public Admission Admission => _listener.Admission;

    public bool IsClosed => _listener.IsClosed;

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

        var from = AddressKey.Of(path->Remote);
        if (_listener.Refusal(from) is { } full)
        {
            Refuse(&header, full, TransportCode.ConnectionRefused, path, now);
            return null;
        }

        NativeCid originalId;
        var hasProvedAddress = RetryTokens.IsRetry(header.Token);
        if (hasProvedAddress && !_listener.Tokens.Verify(&header, path, &originalId))
        {
            if (Endpoint.Replies.RefuseToken(&header, new ReadOnlySpan<byte>(data, length), TransportCode.InvalidToken, path))
                NoteRefusal(RefusalReason.InvalidToken, path, now);
            return null;
        }

        if (!hasProvedAddress && Admission.MustProveAddress)
        {
            Endpoint.Replies.Retry(&header, _listener.Tokens, path);
            return null;
        }

        // Another loop may have let in the last one that there was room for.
        if (Admission.Start(from) is { } reason)
        {
            Refuse(&header, reason, TransportCode.ConnectionRefused, path, now);
            return null;
        }

        try
        {
            var session = new ServerSession(this, &header, hasProvedAddress ? &originalId : null, path, now);
            Endpoint.SessionStarted(session);
            return session;
        }
        catch (QuicTransportException fault)
        {
            Admission.Withdrawn(from);
            Endpoint.Log.AcceptFailed(fault);
            return null;
        }
    }

    /// <summary>Asks the client that sent this first packet to come back with a token.</summary>
    public void Retry(byte* data, int length, NativePath* path)
    {
        PacketHeader header;
        if (QuicLibrary.Accept(&header, data, (nuint)length) == 0)
            Endpoint.Replies.Retry(&header, _listener.Tokens, path);
    }

    /// <summary>False when nobody can take it.</summary>
    public bool Announce(ServerSession session)
    {
        Admission.Completed(session.Origin);
        return _listener.Announce(session.Connection);
    }

    public void OnSessionEnded(ServerSession session, bool announced, Failure failure)
    {
        if (announced)
        {
            Admission.Ended(session.Origin);
        }
        else if (!session.NeverBegan)
        {
            Admission.Failed(session.Origin);
            _listener.OnHandshakeFailed(session.Remote, failure.Message);
        }
        else
        {
            Admission.Withdrawn(session.Origin); // nobody was there, and nobody is told
        }
    }

    /// <summary>The listener is closed: handshakes under way end.</summary>
    public void Close()
    {
        foreach (var session in Endpoint.Sessions.Where(session => !session.HandshakeCompleted).ToArray())
            session.Close(new CloseRequest(Options.DefaultCloseErrorCode, "", Orderly: false));
    }

    /// <summary>After the last session.</summary>
    public void Dispose()
    {
        _listener.Complete();
        Credentials.Dispose();
    }

    private void Refuse(PacketHeader* header, RefusalReason reason, ulong code, NativePath* path, ulong now)
    {
        Endpoint.Replies.Refuse(header, code, path);
        NoteRefusal(reason, path, now);
    }

    private void NoteRefusal(RefusalReason reason, NativePath* path, ulong now) =>
        _listener.OnRefused(SocketAddresses.Read(SocketAddresses.Span(path->Remote)), reason, now);
}
