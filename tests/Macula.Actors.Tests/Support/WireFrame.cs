using System.Buffers;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests;

/// <summary>A whole frame as a peer sees it.</summary>
internal sealed record WireFrame(FrameType Type, ReadOnlyMemory<byte> Bytes)
{
    public ReadOnlySequence<byte> Payload => new(Bytes[Frame.HeaderLength..]);

    public string Hex => Convert.ToHexStringLower(Bytes.Span);

    public static WireFrame Parse(ReadOnlyMemory<byte> bytes)
    {
        var buffer = new ReadOnlySequence<byte>(bytes);
        Assert.Equal(FrameReadStatus.Frame, FrameReader.TryRead(ref buffer, int.MaxValue, out var frame, out _));
        Assert.True(buffer.IsEmpty);
        return new WireFrame(frame.Type, bytes);
    }

    public ReplyMessage Reply() => Read<ReplyMessage>(FrameType.Reply, ReplyMessage.TryDecode);

    public CallMessage Call() => Read<CallMessage>(FrameType.Call, CallMessage.TryDecode);

    public CancelMessage Cancel() => Read<CancelMessage>(FrameType.Cancel, CancelMessage.TryDecode);

    public PublishMessage Publish() => Read<PublishMessage>(FrameType.Publish, PublishMessage.TryDecode);

    public PongMessage Pong() => Read<PongMessage>(FrameType.Pong, PongMessage.TryDecode);

    public RpcRouteMessage Route() => Read<RpcRouteMessage>(FrameType.RpcRoute, RpcRouteMessage.TryDecode);

    public DisconnectMessage Disconnect() =>
        Read<DisconnectMessage>(FrameType.Disconnect, DisconnectMessage.TryDecode);

    public FindValueReplyMessage FoundValue() =>
        Read<FindValueReplyMessage>(FrameType.FindValueReply, FindValueReplyMessage.TryDecode);

    public FindNodeReplyMessage FoundNodes() =>
        Read<FindNodeReplyMessage>(FrameType.FindNodeReply, FindNodeReplyMessage.TryDecode);

    public FindNodeMessage FindNode() => Read<FindNodeMessage>(FrameType.FindNode, FindNodeMessage.TryDecode);

    /// <summary>The error code of a REPLY, or null when it has a result.</summary>
    public string? ErrorCode() => Reply().Error?.Code.ToString();

    private T Read<T>(FrameType type, Decoder<T> decode)
    {
        Assert.Equal(type, Type);
        Assert.True(decode(Payload, out var message, out var error), error.ToString());
        return message;
    }

    private delegate bool Decoder<T>(in ReadOnlySequence<byte> payload, out T message, out DecodeError error);
}
