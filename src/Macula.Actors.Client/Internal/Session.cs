using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Client.Internal;

/// <summary>One connection and its stream, from CONNECT to the end.</summary>
/// <remarks>Two loops, one reading, one writing; whichever fails first decides why the session
/// ended, and <see cref="Ended"/> completes when both are done and everything is freed. What waits
/// for an answer belongs to the session and fails with it.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer holds nothing to free.")]
internal sealed class Session
{
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LastWordsTime = TimeSpan.FromMilliseconds(500);

    private readonly IQuicConnection _connection;
    private readonly IQuicStream _stream;
    private readonly MaculaClientOptions _options;
    private readonly ISessionHandler _handler;
    private readonly Counters _counters;
    private readonly ILogger _log;
    private readonly FrameSender _sender;
    private readonly CancellationTokenSource _life = new();
    private readonly ConcurrentDictionary<CallId, TaskCompletionSource<ReadOnlyMemory<byte>>> _calls = [];
    private readonly ConcurrentDictionary<long, TaskCompletionSource> _pings = [];
    private readonly TaskCompletionSource _welcome = NewSource();
    private readonly TaskCompletionSource<SessionEnd> _ending = NewSource<SessionEnd>();
    private long _lastPing;

    private Session(
        IQuicConnection connection, IQuicStream stream, MaculaClientOptions options,
        ISessionHandler handler, Counters counters)
    {
        (_connection, _stream, _options) = (connection, stream, options);
        (_handler, _counters) = (handler, counters);
        _log = options.LoggerFactory.CreateLogger<MaculaClient>();
        _sender = new FrameSender(stream.Output, counters);
        Served = new ServedCalls(options.TimeProvider, _log);
        Ended = RunAsync();
    }

    /// <summary>Completes, never faults, with why the session ended.</summary>
    public Task<SessionEnd> Ended { get; }

    // A gateway adds a little to what it passes on: its own call id, its own fields.
    private int MaxInbound => _options.MaxFrameSize + 1024;

    /// <summary>Whether it is of no more use, or will be in a moment.</summary>
    public bool IsEnding => _ending.Task.IsCompleted;

    /// <summary>The calls that this client serves for the gateway right now.</summary>
    public ServedCalls Served { get; }

    /// <summary>Connects and waits for the gateway's answer to CONNECT.</summary>
    /// <exception cref="SessionFailedException">There is no session; it says why.</exception>
    public static async Task<Session> OpenAsync(
        string server, IQuicProvider provider, MaculaClientOptions options,
        ISessionHandler handler, Counters counters, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(
            deadline.Token, cancellationToken);
        IQuicConnection? connection = null;
        try
        {
            var quic = ConnectOptions(server, options);
            connection = await provider.ConnectAsync(quic, both.Token).ConfigureAwait(false);
            var stream = await connection.OpenStreamAsync(both.Token).ConfigureAwait(false);
            var session = new Session(connection, stream, options, handler, counters);
            connection = null; // the session's from here on
            await session.GreetAsync(both.Token).ConfigureAwait(false);
            return session;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SessionFailedException(SessionEnd.NotReached(
                server, new TimeoutException($"no answer within {options.ConnectTimeout.Seconds()}")));
        }
        catch (QuicTransportException error)
        {
            throw new SessionFailedException(SessionEnd.NotReached(server, error));
        }
        finally
        {
            if (connection is not null) await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Queues a frame; it goes out unless the session ends first.</summary>
    /// <exception cref="SessionFailedException">The session has ended.</exception>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        try
        {
            await _sender.SendAsync(frame, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new SessionFailedException(await _ending.Task.ConfigureAwait(false));
        }
    }

    /// <summary>Queues a frame if there is room right now.</summary>
    public bool TrySend(ReadOnlyMemory<byte> frame) => _sender.TrySend(frame);

    /// <summary>Answers a call that came in; nobody is left to tell when the session has ended.
    /// </summary>
    public async ValueTask ReplyAsync(ReplyMessage reply)
    {
        try
        {
            await SendAsync(reply.ToFrame(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (SessionFailedException)
        {
            Interlocked.Increment(ref _counters.FramesLost);
        }
    }

    /// <summary>Waits until the gateway has dealt with everything sent before.</summary>
    /// <exception cref="SessionFailedException">The session has ended.</exception>
    public async Task PingAsync(CancellationToken cancellationToken)
    {
        var (id, pong) = (NextPing(), NewSource());
        _pings[id] = pong;
        try
        {
            // The session may have failed its pings just before this one was known.
            if (_ending.Task.IsCompleted) FailPending();
            await SendAsync(new PingMessage(id).ToFrame(), cancellationToken).ConfigureAwait(false);
            await pong.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _pings.TryRemove(id, out _);
        }
    }

    /// <summary>One call, one answer.</summary>
    /// <exception cref="MaculaCallException">The call failed, or the session ended.</exception>
    public async Task<ReadOnlyMemory<byte>> CallAsync(
        CallMessage call, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        var reply = NewSource<ReadOnlyMemory<byte>>();
        if (Interlocked.Increment(ref _counters.PendingCalls) > _options.MaxPendingCalls)
        {
            Interlocked.Decrement(ref _counters.PendingCalls);
            throw new MaculaCallException(
                MaculaErrorCodes.Overloaded, $"{_options.MaxPendingCalls} calls wait for their answer already");
        }

        var isSent = false;
        _calls[call.CallId] = reply;
        try
        {
            if (_ending.Task.IsCompleted) FailPending();
            await SendAsync(frame, cancellationToken).ConfigureAwait(false);
            isSent = true;
            return await reply.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (isSent)
        {
            // A courtesy: without it the gateway's own deadline ends the call.
            _sender.TrySend(new CancelMessage(call.CallId).ToFrame());
            throw;
        }
        catch (SessionFailedException failed)
        {
            throw failed.End.ForCall();
        }
        finally
        {
            _calls.TryRemove(call.CallId, out _);
            Interlocked.Decrement(ref _counters.PendingCalls);
        }
    }

    /// <summary>Says goodbye, lets queued frames go out, and closes.</summary>
    public async Task CloseAsync()
    {
        _sender.TrySend(new DisconnectMessage(DisconnectReason.Normal.Text(), "").ToFrame());
        _sender.Complete();
        using var patience = new CancellationTokenSource(GoodbyeTime, _options.TimeProvider);
        await using (patience.Token.Register(() => End(SessionEnd.ByUs)).ConfigureAwait(false))
        {
            await Ended.ConfigureAwait(false);
        }
    }

    /// <summary>Ends it at once; what is queued is lost.</summary>
    public async Task AbortAsync(string reason)
    {
        End(SessionEnd.Lost(reason, null));
        await Ended.ConfigureAwait(false);
    }

    private static QuicConnectOptions ConnectOptions(string server, MaculaClientOptions options)
    {
        if (!ServerAddress.TryParse(server, out var endPoint))
            throw new UnreachableException("options are checked");

        // A frame is taken off the stream when it is there as a whole, so a window must hold one.
        var window = Math.Max(256 * 1024, 2 * options.MaxFrameSize);
        return new QuicConnectOptions
        {
            EndPoint = endPoint,
            ServerName = options.ServerName,
            Trust = options.Trust,
            Certificate = options.Certificate,
            HandshakeTimeout = options.ConnectTimeout,
            IdleTimeout = options.IdleTimeout,
            KeepAliveInterval = options.KeepAlive,
            StreamReceiveWindow = window,
            ConnectionReceiveWindow = 2 * window,
            MaxInboundStreams = 1, // a gateway answers on our stream
        };
    }

    private async Task GreetAsync(CancellationToken cancellationToken)
    {
        var connect = new ConnectMessage(
            ConnectMessage.CurrentVersion, _options.NodeId, _options.Realm,
            [.. _options.Capabilities.Select(Utf8Text.FromString)],
            _options.Endpoint is { } endpoint
                ? Utf8Text.FromString(endpoint)
                : default(Utf8Text?));
        try
        {
            await SendAsync(connect.ToFrame(), cancellationToken).ConfigureAwait(false);
            await Task.WhenAny(_welcome.Task, _ending.Task).WaitAsync(cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await AbortAsync("no answer to CONNECT").ConfigureAwait(false);
            throw;
        }
        catch (SessionFailedException)
        {
            // The end of the session says more, below.
        }

        if (_ending.Task.IsCompleted)
            throw new SessionFailedException(await Ended.ConfigureAwait(false));
        Interlocked.Increment(ref _counters.Connections);
    }

    private async Task<SessionEnd> RunAsync()
    {
        await Task.Yield(); // the constructor is not done
        var reading = ReadAsync();
        var writing = WriteAsync();
        var end = await _ending.Task.ConfigureAwait(false);
        await Task.WhenAll(reading, writing).ConfigureAwait(false);
        _sender.Abandon();
        FailPending();

        if (ReferenceEquals(end, SessionEnd.ByUs))
            await _connection.CloseAsync(DisconnectReason.Normal.Code()).ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        return end;
    }

    // The first end counts. Both loops then leave by their token, and nothing else is awaited.
    private void End(SessionEnd end)
    {
        if (!_ending.TrySetResult(end)) return;

        _sender.Complete();
        _life.Cancel();
        Served.CancelAll();
    }

    private async Task WriteAsync()
    {
        try
        {
            var isDone = await _sender.RunAsync(_life.Token).ConfigureAwait(false);
            if (isDone)
            {
                await _stream.Output.CompleteAsync().ConfigureAwait(false);
                End(SessionEnd.ByUs);
            }
            else
            {
                await EndAsConnectionDidAsync("the gateway stopped reading").ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // End was called; it has the reason.
        }
        catch (QuicTransportException error)
        {
            // The reader may yet find the gateway's reason among what came before the end.
            await Task.WhenAny(_ending.Task, Patience()).ConfigureAwait(false);
            End(SessionEnd.From(error));
        }
        catch (Exception error)
        {
            End(SessionEnd.Lost($"writing failed: {error.Message}", error));
        }
    }

    private async Task ReadAsync()
    {
        var input = _stream.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(_life.Token).ConfigureAwait(false);
                var buffer = read.Buffer;
                while (Take(ref buffer, out var frame)) await OnFrameAsync(frame).ConfigureAwait(false);
                input.AdvanceTo(buffer.Start, buffer.End);
                if (!read.IsCompleted) continue;

                await EndAsConnectionDidAsync("the gateway closed the stream").ConfigureAwait(false);
                return;
            }
        }
        catch (OperationCanceledException)
        {
            // End was called; it has the reason.
        }
        catch (QuicTransportException error) when (error.Error == QuicTransportError.StreamAborted)
        {
            await EndAsConnectionDidAsync(error.Message).ConfigureAwait(false);
        }
        catch (QuicTransportException error)
        {
            End(SessionEnd.From(error));
        }
        catch (Exception error)
        {
            End(SessionEnd.Lost($"reading failed: {error.Message}", error));
        }
    }

    private bool Take(ref ReadOnlySequence<byte> buffer, out Frame frame)
    {
        while (true)
        {
            var status = FrameReader.TryRead(ref buffer, MaxInbound, out frame, out var error);
            if (status == FrameReadStatus.NeedMore) return false;

            if (status == FrameReadStatus.Fatal)
            {
                ClientLog.OutOfStep(_log, error.ToString());
                End(SessionEnd.Lost($"the gateway's stream is out of step: {error}", null));
                return false;
            }

            Interlocked.Increment(ref _counters.FramesReceived);
            if (status == FrameReadStatus.Frame) return true;
            Skipped(error.CodeText);
        }
    }

    private async ValueTask OnFrameAsync(Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Publish when PublishMessage.TryDecode(frame.Payload, out var publish, out _):
                _handler.OnPublish(publish);
                break;
            case FrameType.Reply when ReplyMessage.TryDecode(frame.Payload, out var reply, out _):
                OnReply(reply);
                break;
            case FrameType.Call when CallMessage.TryDecode(frame.Payload, out var call, out _):
                await _handler.OnCallAsync(this, call).ConfigureAwait(false);
                break;
            case FrameType.Cancel when CancelMessage.TryDecode(frame.Payload, out var cancel, out _):
                Served.Cancel(cancel.CallId);
                break;
            case FrameType.Pong when PongMessage.TryDecode(frame.Payload, out var pong, out _):
                OnPong(pong);
                break;
            case FrameType.Disconnect
                when DisconnectMessage.TryDecode(frame.Payload, out var disconnect, out _):
                End(SessionEnd.From(disconnect));
                break;
            default:
                Skipped(frame.Type.ToString());
                break;
        }
    }

    private void OnReply(in ReplyMessage reply)
    {
        if (!_calls.TryRemove(reply.CallId, out var waiting))
            Interlocked.Increment(ref _counters.LateReplies);
        else if (reply.Error is { } error)
            waiting.TrySetException(
                new MaculaCallException(error.Code.ToString(), error.Message.ToString()));
        else
            waiting.TrySetResult(reply.Result.ToArray());
    }

    // The answer to CONNECT comes before any ping has been sent.
    private void OnPong(PongMessage pong)
    {
        if (_welcome.TrySetResult()) return;
        if (pong.Timestamp < long.MinValue || pong.Timestamp > long.MaxValue) return;
        if (_pings.TryRemove((long)pong.Timestamp, out var ping)) ping.TrySetResult();
    }

    private void Skipped(string what)
    {
        Interlocked.Increment(ref _counters.FramesSkipped);
        ClientLog.Skipped(_log, what);
    }

    // Unix milliseconds as the protocol wants them, but never the same number twice.
    private long NextPing()
    {
        var now = _options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();
        while (true)
        {
            var last = Interlocked.Read(ref _lastPing);
            var next = Math.Max(now, last + 1);
            if (Interlocked.CompareExchange(ref _lastPing, next, last) == last) return next;
        }
    }

    // Streams end first, and the connection tells why a moment later.
    private async Task EndAsConnectionDidAsync(string otherwise)
    {
        var closed = _connection.Closed;
        await Task.WhenAny(closed, _ending.Task, Patience()).ConfigureAwait(false);
        End(closed.IsCompleted
            ? SessionEnd.From(await closed.ConfigureAwait(false))
            : SessionEnd.Lost(otherwise, null));
    }

    private Task Patience() => Task.Delay(LastWordsTime, _options.TimeProvider, _life.Token);

    private void FailPending()
    {
        var end = _ending.Task.Result; // completed, or nobody calls this
        foreach (var id in _calls.Keys)
            if (_calls.TryRemove(id, out var call)) call.TrySetException(end.ForCall());
        foreach (var id in _pings.Keys)
            if (_pings.TryRemove(id, out var ping))
                ping.TrySetException(new SessionFailedException(end));
    }

    private static TaskCompletionSource NewSource() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static TaskCompletionSource<T> NewSource<T>() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}
