using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>FIND_VALUE (0x43): what is stored under a key?</summary>
/// <param name="Key">At most 255 bytes, 32 by custom; <see cref="DhtKey.FromBytes"/> gives its
/// place. A slice of a one-segment payload.</param>
public sealed record FindValueMessage(ReadOnlyMemory<byte> Key) : IMessage
{
    private static readonly string[] Names = ["key"];

    public FrameType Type => FrameType.FindValue;

    /// <summary>Reads a payload, whatever its inner type (<see cref="DhtOperations"/>).</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out FindValueMessage message, out DecodeError error)
    {
        ReadOnlyMemory<byte> key = default;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "key"u8)) map.Bytes(ref key, ProtocolLimits.MaxKeyLength);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b1, out error)) return false;

        message = new FindValueMessage(key);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("key"u8);
        writer.Bytes(Key.Span);
        writer.Bytes("type"u8);
        writer.Bytes(DhtOperations.Text(DhtOperation.FindValue));
    }
}
