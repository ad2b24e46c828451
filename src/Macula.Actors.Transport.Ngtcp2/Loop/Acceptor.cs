using System.Net;
using System.Threading.Channels;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A listener's part of the loop: lets connections in and hands them over.</summary>
internal sealed unsafe class Acceptor : IDisposable
{
    /// <summary>Handshakes under way at once, beside the backlog; more are refused without a trace.</summary>
    private const int MostHandshakes = 4096;

    private readonly Channel<QuicConnection> _waiting;
    private int _handshakes;

    /// <exception cref="QuicTransportException">The certificate cannot be used.</exception>
    public Acceptor(Endpoint endpoint, QuicListenOptions options)
    {
        (Endpoint, Options) = (endpoint, options);
        Credentials = new ServerCredentials(options);
        _waiting = Channel.CreateBounded<QuicConnection>(options.AcceptBacklog);
    }

    public Endpoint Endpoint { get; }

    public QuicListenOptions Options { get; }

    public ServerCredentials Credentials { get; }

    /// <summary>Connections whose handshake is complete.</summary>
    public ChannelReader<QuicConnection> Waiting => _waiting.Reader;

    public bool IsClosed { get; private set; }

    /// <summary>A packet that belongs to no connection: perhaps a client's first. Null when it was answered
    /// otherwise or dropped.</summary>
    public Session? Accept(
        in VersionAndIds ids, byte* data, int length, NativePath* path, ulong now)
    {
        var isLongHeader = (*data & 0x80) != 0;
        if (!isLongHeader)
        {
            Endpoint.Replies.StatelessReset(ids, length, path);
            return null;
        }

        PacketHeader header;
        if (QuicLibrary.Accept(&header, data, (nuint)length) != 0) return null;
        if (IsClosed || _handshakes >= MostHandshakes || _waiting.Reader.Count >= Options.AcceptBacklog)
        {
            Endpoint.Replies.Refuse(&header, path);
            return null;
        }

        try
        {
            var session = new ServerSession(this, &header, path, now);
            Endpoint.SessionStarted(session);
            _handshakes++;
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
        _handshakes--;
        return _waiting.Writer.TryWrite(session.Connection);
    }

    public void OnSessionEnded(ServerSession session, bool announced, Failure failure)
    {
        if (announced) return;
        _handshakes--;
        var (told, remote) = (Options.OnHandshakeFailed, session.Remote);
        Endpoint.Log.HandshakeFailed(remote.EndPoint, failure.Message);
        if (told is null) return;
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

    private void Tell(Action<EndPoint?, string> told, EndPoint remote, string why)
    {
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
