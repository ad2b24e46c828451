using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>One MessagePack value kept as its bytes, to be passed on unread.</summary>
/// <remarks>Values that come from a decoded message are well-formed and slices of its payload:
/// valid only as long as that buffer, see <see cref="ToOwned"/>. Equality is byte-wise.
/// default is nothing at all, not nil.</remarks>
public readonly struct RawValue(ReadOnlyMemory<byte> bytes) : IEquatable<RawValue>
{
    /// <summary>The encoded value.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <summary>Whether there is no value.</summary>
    public bool IsEmpty => Bytes.IsEmpty;

    /// <summary>Whether the value is a map.</summary>
    public bool IsMap => !Bytes.IsEmpty && MsgPackCode.IsMap(Bytes.Span[0]);

    /// <summary>Whether the value is a list: an array, or the empty str that the reference sends
    /// for an empty one.</summary>
    public bool IsList => !Bytes.IsEmpty && MsgPackCode.IsList(Bytes.Span[0]);

    /// <summary>The bytes as the payload of a message, for what is carried inside another.
    /// </summary>
    public ReadOnlySequence<byte> AsPayload() => new(Bytes);

    /// <summary>A copy that outlives the buffer.</summary>
    public RawValue ToOwned() => new(Bytes.ToArray());

    /// <summary>Whether <paramref name="payload"/> is exactly one well-formed map; for types that
    /// have no schema.</summary>
    public static DecodeErrorCode Check(in ReadOnlySequence<byte> payload)
    {
        var cursor = new MsgPackCursor(MsgPackCursor.Contiguous(payload));
        var isMap = !payload.IsEmpty && MsgPackCode.IsMap(cursor.Peek());
        if (!cursor.Skip() || !cursor.AtEnd) return DecodeErrorCode.MsgPack;
        return isMap ? DecodeErrorCode.None : DecodeErrorCode.NotAMap;
    }

    /// <summary>The elements of a list, or the value itself if it is none; null if a list has more
    /// than <see cref="ProtocolLimits.MaxListLength"/> elements or is malformed.</summary>
    public IReadOnlyList<RawValue>? Elements() => MsgPackCursor.Elements(this);

    public bool Equals(RawValue other) => Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override bool Equals(object? obj) => obj is RawValue other && Equals(other);

    public override int GetHashCode() => KeyedHash.Of(Bytes.Span);

    public override string ToString() => Convert.ToHexStringLower(Bytes.Span);

    public static bool operator ==(RawValue left, RawValue right) => left.Equals(right);

    public static bool operator !=(RawValue left, RawValue right) => !left.Equals(right);
}
