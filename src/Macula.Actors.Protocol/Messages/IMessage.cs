using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>A message that can be put on the wire. The set is closed: only this library
/// implements it.</summary>
public interface IMessage
{
    /// <summary>The type id of its frame.</summary>
    FrameType Type { get; }

    internal void Write(ref PayloadWriter writer);
}

/// <summary>Writing of messages. Every encoding ends in frames that equal the reference's byte
/// for byte where it has the type.</summary>
public static class MessageEncoding
{
    /// <summary>Writes one whole frame, header and payload.</summary>
    public static void Encode<T>(this T message, IBufferWriter<byte> output)
        where T : IMessage
    {
        var payload = message.PayloadLength();
        var total = Frame.HeaderLength + payload;
        WriteFrame(message, output.GetSpan(total)[..total], payload);
        output.Advance(total);
    }

    /// <summary>One whole frame, header and payload.</summary>
    public static byte[] ToFrame<T>(this T message)
        where T : IMessage
    {
        var payload = message.PayloadLength();
        var frame = new byte[Frame.HeaderLength + payload];
        WriteFrame(message, frame, payload);
        return frame;
    }

    /// <summary>The payload alone: the map that RPC_ROUTE carries of a CALL or REPLY.</summary>
    public static RawValue ToPayload<T>(this T message)
        where T : IMessage
    {
        var payload = new byte[message.PayloadLength()];
        var writer = new PayloadWriter(payload);
        message.Write(ref writer);
        return new RawValue(payload);
    }

    /// <summary>Length of the payload in bytes; a frame has 8 more.</summary>
    public static int PayloadLength<T>(this T message)
        where T : IMessage
    {
        var writer = PayloadWriter.Measuring();
        message.Write(ref writer);
        return writer.Length;
    }

    private static void WriteFrame<T>(T message, Span<byte> destination, int payload)
        where T : IMessage
    {
        Frame.WriteHeader(destination, message.Type, payload);
        var writer = new PayloadWriter(destination[Frame.HeaderLength..]);
        message.Write(ref writer);
    }
}
