using System.Buffers;

namespace Macula.Actors.Protocol.Tests;

/// <summary>Decodes a frame into the message of its type.</summary>
internal static class TypedMessage
{
    public static IMessage? Decode(in Frame frame, out DecodeError error)
    {
        var payload = frame.Payload;
        return frame.Type switch
        {
            FrameType.Connect => Try<ConnectMessage>(ConnectMessage.TryDecode, payload, out error),
            FrameType.Disconnect =>
                Try<DisconnectMessage>(DisconnectMessage.TryDecode, payload, out error),
            FrameType.Ping => Try<PingMessage>(PingMessage.TryDecode, payload, out error),
            FrameType.Pong => Try<PongMessage>(PongMessage.TryDecode, payload, out error),
            FrameType.Publish => Try<PublishMessage>(PublishMessage.TryDecode, payload, out error),
            FrameType.Subscribe =>
                Try<SubscribeMessage>(SubscribeMessage.TryDecode, payload, out error),
            FrameType.Unsubscribe =>
                Try<UnsubscribeMessage>(UnsubscribeMessage.TryDecode, payload, out error),
            FrameType.Call => Try<CallMessage>(CallMessage.TryDecode, payload, out error),
            FrameType.Reply => Try<ReplyMessage>(ReplyMessage.TryDecode, payload, out error),
            FrameType.Cast => Try<CastMessage>(CastMessage.TryDecode, payload, out error),
            FrameType.RpcRoute =>
                Try<RpcRouteMessage>(RpcRouteMessage.TryDecode, payload, out error),
            FrameType.Cancel => Try<CancelMessage>(CancelMessage.TryDecode, payload, out error),
            FrameType.FindNode =>
                Try<FindNodeMessage>(FindNodeMessage.TryDecode, payload, out error),
            FrameType.FindNodeReply =>
                Try<FindNodeReplyMessage>(FindNodeReplyMessage.TryDecode, payload, out error),
            FrameType.Store => Try<StoreMessage>(StoreMessage.TryDecode, payload, out error),
            FrameType.FindValue =>
                Try<FindValueMessage>(FindValueMessage.TryDecode, payload, out error),
            FrameType.FindValueReply =>
                Try<FindValueReplyMessage>(FindValueReplyMessage.TryDecode, payload, out error),
            _ => OpaqueMessage.TryDecode(frame, out var opaque, out error) ? opaque : null,
        };
    }

    /// <summary>The frame in <paramref name="bytes"/>, which is sound.</summary>
    public static Frame FrameOf(ReadOnlyMemory<byte> bytes)
    {
        Assert.True(FrameDecoder.Decode(bytes, out var frame, out var error), error.ToString());
        return frame;
    }

    private delegate bool Decoder<T>(
        in ReadOnlySequence<byte> payload, out T message, out DecodeError error);

    private static IMessage? Try<T>(
        Decoder<T> decoder, in ReadOnlySequence<byte> payload, out DecodeError error)
        where T : IMessage =>
        decoder(payload, out var message, out error) ? message : null;
}
