using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Wire;

/// <summary>A client that costs next to nothing: one connection, one stream, frames as they are on the wire.</summary>
/// <remarks>One task may read at a time, and one write. An idle client has neither task nor timer.</remarks>
internal sealed class LoadClient : IClient
{
    private static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(5);
    private static readonly Utf8Text[] Capabilities = ["pubsub", "rpc"];

    private readonly IQuicConnection _connection;
    private readonly IQuicStream _stream;
    private long _pings;
    private bool _hasWritten;
    private CancellationTokenRegistration _over;

    private LoadClient(IQuicConnection connection, IQuicStream stream, NodeId id) =>
        (_connection, _stream, Id) = (connection, stream, id);

    public NodeId Id { get; }

    /// <summary>Completes, never faults, when the connection has ended.</summary>
    public Task<QuicClosed> Closed => _connection.Closed;

    public bool IsConnected => !_connection.Closed.IsCompleted;

    /// <summary>The certificate that the node shows.</summary>
    public string Fingerprint => QuicTrust.Fingerprint(_connection.RemoteCertificate!);

    /// <summary>Connects and is admitted.</summary>
    /// <exception cref="RefusedException">The node said no.</exception>
    /// <exception cref="QuicTransportException">The connection failed.</exception>
    public static async Task<LoadClient> ConnectAsync(Dial dial, NodeId id, CancellationToken cancellationToken)
    {
        var connection = await dial.Provider.ConnectAsync(dial.Options, cancellationToken).ConfigureAwait(false);
        try
        {
            var stream = await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
            var client = new LoadClient(connection, stream, id);
            await client.SendAsync(
                new ConnectMessage(ConnectMessage.CurrentVersion, id, dial.Realm, Capabilities)).ConfigureAwait(false);
            await client.AdmittedAsync(cancellationToken).ConfigureAwait(false);
            client._over = dial.Over.Register(client.Die);
            return client;
        }
        catch (Exception error)
        {
            var refusal = error is QuicTransportException { ErrorCode: { } code } && DisconnectReasons.ByCode(code) is { } why
                ? new RefusedException(why.Text(), code, null)
                : null;
            connection.Abort(DisconnectReason.Normal.Code());
            await connection.DisposeAsync().ConfigureAwait(false);
            if (refusal is not null) throw refusal;
            throw;
        }
    }

    /// <summary>Writes a frame without sending it yet.</summary>
    public void Write<T>(T message)
        where T : IMessage
    {
        message.Encode(_stream.Output);
        _hasWritten = true;
    }

    /// <summary>Sends what was written. Waits while the node does not take it.</summary>
    public async ValueTask FlushAsync()
    {
        _hasWritten = false;
        var flushed = await _stream.Output.FlushAsync().ConfigureAwait(false);
        if (flushed.IsCompleted)
            throw new QuicTransportException(QuicTransportError.StreamAborted, "the node reads no more");
    }

    public ValueTask SendAsync<T>(T message)
        where T : IMessage
    {
        Write(message);
        return FlushAsync();
    }

    /// <summary>Reads until <paramref name="handle"/> says that it has enough; false at the end of the stream.</summary>
    /// <param name="handle">Gets each frame, valid while it runs.</param>
    /// <param name="flush">Send, after each piece that came, what the handler wrote.</param>
    public async Task<bool> ReceiveAsync(
        Func<Frame, bool> handle, CancellationToken cancellationToken, bool flush = false)
    {
        while (true)
        {
            var read = await _stream.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var rest = read.Buffer;
            var enough = false;
            while (!enough)
            {
                var status = FrameReader.TryRead(ref rest, Frame.DefaultMaxPayload, out var frame, out var error);
                if (status == FrameReadStatus.Fatal) throw new InvalidDataException($"the node sent a bad frame: {error}");
                if (status == FrameReadStatus.NeedMore) break;
                enough = status == FrameReadStatus.Frame && handle(frame);
            }

            _stream.Input.AdvanceTo(rest.Start, enough ? rest.Start : rest.End);
            if (flush && _hasWritten) await FlushAsync().ConfigureAwait(false);
            if (enough) return true;
            if (read.IsCompleted) return false;
        }
    }

    /// <summary>Sends PING and waits for its PONG: the node has then taken up all that was sent before.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        var mark = ++_pings;
        await SendAsync(new PingMessage(mark)).ConfigureAwait(false);
        var answered = await ReceiveAsync(
            frame => frame.Type == FrameType.Pong
                && PongMessage.TryDecode(frame.Payload, out var pong, out _) && pong.Timestamp == mark,
            cancellationToken).ConfigureAwait(false);
        if (!answered)
            throw new QuicTransportException(QuicTransportError.ConnectionAborted, "the node ended the connection");
    }

    /// <summary>Calls, and waits for the reply; for clients that do nothing else meanwhile.</summary>
    public async Task<ReplyMessage> CallAsync(
        Utf8Text procedure, ReadOnlyMemory<byte> args, CallId id, CancellationToken cancellationToken)
    {
        await SendAsync(new CallMessage(procedure, args, id)).ConfigureAwait(false);
        var reply = default(ReplyMessage);
        var answered = await ReceiveAsync(
            frame =>
            {
                if (frame.Type != FrameType.Reply || !ReplyMessage.TryDecode(frame.Payload, out var got, out _)
                    || got.CallId != id)
                    return false;
                reply = got.ToOwned();
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return answered
            ? reply
            : throw new QuicTransportException(QuicTransportError.ConnectionAborted, "the node ended the connection");
    }

    /// <summary>Says goodbye and waits, for at most 5 s, until the connection has ended.</summary>
    public async Task LeaveAsync()
    {
        try
        {
            await SendAsync(new DisconnectMessage(DisconnectReason.Normal.Text(), "")).ConfigureAwait(false);
            await _connection.Closed.WaitAsync(CloseWait).ConfigureAwait(false);
        }
        catch (Exception error) when (error is QuicTransportException or TimeoutException)
        {
            // It is gone, or is let go now.
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Goes without a word, but with a QUIC close: the node learns of it at once.</summary>
    public void Die() => _connection.Abort(DisconnectReason.Normal.Code());

    public async ValueTask DisposeAsync()
    {
        await _over.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task AdmittedAsync(CancellationToken cancellationToken)
    {
        var isIn = false;
        DisconnectMessage? refusal = null;
        await ReceiveAsync(
            frame =>
            {
                isIn = frame.Type == FrameType.Pong;
                if (frame.Type == FrameType.Disconnect && DisconnectMessage.TryDecode(frame.Payload, out var told, out _))
                    refusal = new DisconnectMessage(told.Reason.ToOwned(), default, told.RetryAfter);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        if (isIn) return;
        if (refusal is null) throw new RefusedException("closed", null, null);

        long? code = null;
        try
        {
            code = (await _connection.Closed.WaitAsync(CloseWait, cancellationToken).ConfigureAwait(false)).ErrorCode;
        }
        catch (TimeoutException)
        {
            // The frame alone will do; that the close did not come shows in the code.
        }

        throw new RefusedException(
            refusal.Reason.ToString(), code,
            refusal.RetryAfter is { } wait ? TimeSpan.FromMilliseconds(wait) : null);
    }
}
