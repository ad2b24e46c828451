using System.Buffers;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests;

/// <summary>The other end of a connection, in the hands of a spec.</summary>
internal sealed class TestPeer(IQuicConnection connection)
{
    public IQuicConnection Connection { get; } = connection;

    /// <summary>The application error code that the node closed with.</summary>
    public async Task<DisconnectReason?> Closed()
    {
        var closed = await Connection.Closed.Soon();
        return closed.ErrorCode is { } code ? DisconnectReasons.ByCode(code) : null;
    }

    public async Task<TestStream> Open() => new(await Connection.OpenStreamAsync().AsTask().Soon());

    /// <summary>Opens a stream, says CONNECT and waits for the PONG.</summary>
    public async Task<TestStream> Join(string node)
    {
        var stream = await Open();
        await stream.Send(Wire.Connect(node));
        (await stream.Next())!.Pong();
        return stream;
    }

    /// <summary>Goes without a word.</summary>
    public void Die() => Connection.Abort(0);
}

/// <summary>One stream of a <see cref="TestPeer"/>.</summary>
internal sealed class TestStream(IQuicStream stream)
{
    private static int _pings;

    private byte[] _unread = []; // out of the receive window, which may be smaller than a frame

    public async Task Send<T>(params T[] messages)
        where T : IMessage
    {
        foreach (var message in messages) await Send(message.ToFrame());
    }

    public async Task Send(ReadOnlyMemory<byte> bytes) => await stream.Output.WriteAsync(bytes).AsTask().Soon();

    /// <summary>Gives both directions up.</summary>
    public void Abort() => stream.Abort(QuicAbortDirection.Both, 0);

    public Task Finish() => stream.Output.CompleteAsync().AsTask().Soon();

    /// <summary>The next frame; null at the end of the stream, however it ended.</summary>
    public async Task<WireFrame?> Next()
    {
        try
        {
            while (true)
            {
                var rest = new ReadOnlySequence<byte>(_unread);
                if (FrameReader.TryRead(ref rest, int.MaxValue, out var frame, out _) == FrameReadStatus.Frame)
                {
                    var bytes = _unread[..^(int)rest.Length];
                    _unread = rest.ToArray();
                    return new WireFrame(frame.Type, bytes);
                }

                var read = await stream.Input.ReadAsync().AsTask().Soon();
                _unread = [.. _unread, .. read.Buffer.ToArray()];
                stream.Input.AdvanceTo(read.Buffer.End);
                if (read.Buffer.IsEmpty && read.IsCompleted) return null;
            }
        }
        catch (QuicTransportException)
        {
            return null;
        }
    }

    /// <summary>As <see cref="Settle"/>, or what was sent before the stream ended.</summary>
    public async Task<List<WireFrame>> SettleOrEnd()
    {
        Int128 mark = Interlocked.Increment(ref _pings);
        try
        {
            await Send(new PingMessage(mark));
        }
        catch (QuicTransportException)
        {
            // It has ended; what came before is still there.
        }

        List<WireFrame> before = [];
        while (await Next() is { } frame && !(frame.Type == FrameType.Pong && frame.Pong().Timestamp == mark))
            before.Add(frame);
        return before;
    }

    /// <summary>What was sent before the answer to a PING: the question is queued behind all that the node was told.
    /// </summary>
    public async Task<List<WireFrame>> Settle()
    {
        Int128 mark = Interlocked.Increment(ref _pings);
        await Send(new PingMessage(mark));
        List<WireFrame> before = [];
        while (true)
        {
            var frame = await Next() ?? throw new InvalidOperationException("The stream has ended.");
            if (frame.Type == FrameType.Pong && frame.Pong().Timestamp == mark) return before;
            before.Add(frame);
        }
    }
}
