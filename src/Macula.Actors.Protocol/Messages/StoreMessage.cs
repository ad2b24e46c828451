using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>STORE (0x42): keep a value under a key. There is no answer.</summary>
/// <param name="Key">At most 255 bytes, 32 by custom; <see cref="DhtKey.FromBytes"/> gives its
/// place.</param>
/// <param name="Value">Anything nested at most 64 deep; a <see cref="ServiceRecord"/> by custom.
/// </param>
/// <remarks>Both are slices of a one-segment payload.</remarks>
public sealed record StoreMessage(ReadOnlyMemory<byte> Key, RawValue Value) : IMessage
{
    private static readonly string[] Names = ["key", "value"];

    public FrameType Type => FrameType.Store;

    /// <summary>Reads a payload, whatever its inner type (<see cref="DhtOperations"/>).</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out StoreMessage message, out DecodeError error)
    {
        ReadOnlyMemory<byte> key = default;
        RawValue value = default;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "key"u8)) map.Bytes(ref key, ProtocolLimits.MaxKeyLength);
            else if (map.Is(1, "value"u8)) map.Raw(ref value, ProtocolLimits.MaxStoredDepth);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b11, out error)) return false;

        message = new StoreMessage(key, value);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(3);
        writer.Bytes("key"u8);
        writer.Bytes(Key.Span);
        writer.Bytes("type"u8);
        writer.Bytes(DhtOperations.Text(DhtOperation.Store));
        writer.Bytes("value"u8);
        writer.Raw(Value);
    }
}
