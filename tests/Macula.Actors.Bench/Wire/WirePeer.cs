using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Wire;

/// <summary>A client that allocates nearly nothing itself, so that what is left is the node's and the transport's.
/// </summary>
internal sealed class WirePeer : IAsyncDisposable
{
    private readonly IQuicConnection _connection;
    private readonly IQuicStream _stream;

    private WirePeer(IQuicConnection connection, IQuicStream stream) => (_connection, _stream) = (connection, stream);

    public NodeId Id { get; private init; }

    public static async Task<WirePeer> ConnectAsync(
        IQuicProvider provider, INode node, FrameType answer = FrameType.Pong)
    {
        var connection = await provider.ConnectAsync(
            new QuicConnectOptions { EndPoint = node.EndPoint, Trust = node.Trust });
        var peer = new WirePeer(connection, await connection.OpenStreamAsync()) { Id = NodeId.Random() };
        await peer.SendAsync(new ConnectMessage(ConnectMessage.CurrentVersion, peer.Id, node.Realm, ["pubsub", "rpc"]));
        await peer.ReceiveAsync(answer);
        return peer;
    }

    /// <summary>Writes a frame without sending it yet.</summary>
    public void Write<T>(T message)
        where T : IMessage =>
        message.Encode(_stream.Output);

    public async ValueTask FlushAsync() => await _stream.Output.FlushAsync();

    public ValueTask SendAsync<T>(T message)
        where T : IMessage
    {
        Write(message);
        return FlushAsync();
    }

    /// <summary>When this returns the node has handled everything sent before.</summary>
    public async Task SettleAsync()
    {
        await SendAsync(new PingMessage(1));
        await ReceiveAsync(FrameType.Pong);
    }

    /// <summary>Reads until <paramref name="handle"/> says that it has enough; sends what it wrote.</summary>
    public async Task ReceiveAsync(Func<Frame, bool> handle)
    {
        var enough = false;
        while (!enough)
        {
            var read = await _stream.Input.ReadAsync();
            var rest = read.Buffer;
            while (!enough &&
                FrameReader.TryRead(ref rest, Frame.DefaultMaxPayload, out var frame, out _) == FrameReadStatus.Frame)
                enough = handle(frame);
            _stream.Input.AdvanceTo(rest.Start, enough ? rest.Start : rest.End);
            await _stream.Output.FlushAsync();
        }
    }

    public Task ReceiveAsync(FrameType type) => ReceiveAsync(frame => frame.Type == type);

    /// <summary>Goes without a word.</summary>
    public void Die() => _connection.Abort(0);

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
