using System.Net;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>A client that hides nothing: one QUIC connection, one stream, frames as they are on the wire.</summary>
public sealed class RawClient : IAsyncDisposable
{
    private static readonly Ngtcp2Provider Quic = new();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private long _pings;

    private RawClient(IQuicConnection connection, IQuicStream stream) =>
        (Connection, Stream) = (connection, stream);

    public IQuicConnection Connection { get; }

    public IQuicStream Stream { get; }

    /// <summary>Connects, and does nothing else.</summary>
    public static async Task<IQuicConnection> DialAsync(NodeAddress node, string alpn = "macula") =>
        await Quic.ConnectAsync(new QuicConnectOptions
        {
            EndPoint = IPEndPoint.Parse(node.EndPoint),
            ApplicationProtocol = alpn,
            Trust = QuicTrust.Pinned(node.Fingerprint),
            KeepAliveInterval = TimeSpan.FromSeconds(1),
        }).AsTask().WaitAsync(Patience);

    /// <summary>Connects and opens the stream, and says nothing yet.</summary>
    public static async Task<RawClient> OpenAsync(NodeAddress node)
    {
        var connection = await DialAsync(node);
        return new RawClient(connection, await connection.OpenStreamAsync());
    }

    /// <summary>Connects, says CONNECT and has its PONG.</summary>
    public static async Task<RawClient> ConnectAsync(NodeAddress node, string id)
    {
        var client = await OpenAsync(node);
        await client.SendAsync(Connect(node, id));
        (await client.ReadAsync() ?? throw new EndOfStreamException()).Pong();
        return client;
    }

    public static byte[] Connect(NodeAddress node, string id) => new ConnectMessage(
        ConnectMessage.CurrentVersion, NodeId.Parse(id), node.Realm, ["pubsub", "rpc"]).ToFrame();

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) =>
        await Stream.Output.WriteAsync(bytes).AsTask().WaitAsync(Patience);

    /// <summary>The next frame; null when the node has finished the stream.</summary>
    /// <param name="patience">Default 15 s.</param>
    public async Task<RawFrame?> ReadAsync(TimeSpan? patience = null)
    {
        using var deadline = new CancellationTokenSource(patience ?? Patience);
        while (true)
        {
            var read = await Stream.Input.ReadAsync(deadline.Token);
            var buffer = read.Buffer;
            switch (FrameReader.TryRead(ref buffer, Frame.DefaultMaxPayload, out var frame, out var error))
            {
                case FrameReadStatus.Frame:
                    var copy = new RawFrame(frame.Type, System.Buffers.BuffersExtensions.ToArray(frame.Payload));
                    Stream.Input.AdvanceTo(buffer.Start);
                    return copy;
                case FrameReadStatus.NeedMore when read.IsCompleted:
                    return buffer.IsEmpty ? null : throw new InvalidDataException("half a frame at the end");
                case FrameReadStatus.NeedMore:
                    Stream.Input.AdvanceTo(buffer.Start, buffer.End);
                    break;
                default:
                    throw new InvalidDataException($"the node sent a bad frame: {error}");
            }
        }
    }

    /// <summary>Sends PING and returns what came before its PONG: whatever was asked before is then done.</summary>
    public async Task<IReadOnlyList<RawFrame>> FenceAsync()
    {
        var mark = Interlocked.Increment(ref _pings);
        await SendAsync(new PingMessage(mark).ToFrame());
        List<RawFrame> before = [];
        while (true)
        {
            var frame = await ReadAsync()
                ?? throw new EndOfStreamException("the node finished the stream before the PONG");
            if (frame.Type == FrameType.Pong && frame.Pong().Timestamp == mark) return before;
            before.Add(frame);
        }
    }

    /// <summary>How the node, or the network, ended the connection.</summary>
    public Task<QuicClosed> ClosedAsync() => Connection.Closed.WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync();
        await Connection.DisposeAsync();
    }
}
