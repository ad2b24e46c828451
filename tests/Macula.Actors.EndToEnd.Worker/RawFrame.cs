using System.Buffers;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>A frame as it came, undecoded.</summary>
public sealed record RawFrame(FrameType Type, ReadOnlyMemory<byte> Payload)
{
    public ReplyMessage Reply() =>
        ReplyMessage.TryDecode(Bytes(FrameType.Reply), out var reply, out var error) ? reply : throw Bad(error);

    public CallMessage Call() =>
        CallMessage.TryDecode(Bytes(FrameType.Call), out var call, out var error) ? call : throw Bad(error);

    public PublishMessage Publish() =>
        PublishMessage.TryDecode(Bytes(FrameType.Publish), out var publish, out var error) ? publish : throw Bad(error);

    public DisconnectMessage Disconnect() =>
        DisconnectMessage.TryDecode(Bytes(FrameType.Disconnect), out var disconnect, out var error)
            ? disconnect
            : throw Bad(error);

    public PongMessage Pong() =>
        PongMessage.TryDecode(Bytes(FrameType.Pong), out var pong, out var error) ? pong : throw Bad(error);

    private ReadOnlySequence<byte> Bytes(FrameType expected) => Type == expected
        ? new ReadOnlySequence<byte>(Payload)
        : throw new InvalidDataException($"expected {expected}, got {Type}: {Convert.ToHexStringLower(Payload.Span)}");

    private InvalidDataException Bad(DecodeError error) => new($"{Type} cannot be decoded: {error}");
}
