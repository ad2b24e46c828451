using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>FIND_NODE (0x40): which nodes are closest to a target?</summary>
/// <param name="Target">At most 255 bytes; <see cref="DhtKey.FromBytes"/> gives its place. A slice
/// of a one-segment payload.</param>
public sealed record FindNodeMessage(ReadOnlyMemory<byte> Target) : IMessage
{
    private static readonly string[] Names = ["target"];

    public FrameType Type => FrameType.FindNode;

    /// <summary>Reads a payload, whatever its inner type (<see cref="DhtOperations"/>).</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out FindNodeMessage message, out DecodeError error)
    {
        ReadOnlyMemory<byte> target = default;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "target"u8)) map.Bytes(ref target, ProtocolLimits.MaxKeyLength);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b1, out error)) return false;

        message = new FindNodeMessage(target);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("target"u8);
        writer.Bytes(Target.Span);
        writer.Bytes("type"u8);
        writer.Bytes(DhtOperations.Text(DhtOperation.FindNode));
    }
}
