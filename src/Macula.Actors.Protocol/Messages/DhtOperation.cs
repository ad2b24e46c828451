using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>The operation of a DHT payload. It is the inner <c>type</c> text that counts, not the
/// type id of the frame.</summary>
public enum DhtOperation
{
    /// <summary>No inner type, or one that is not in the table.</summary>
    Unknown,
    FindNode,
    FindNodeReply,
    Store,
    FindValue,
    FindValueReply,
}

/// <summary>Reads and names <see cref="DhtOperation"/>s.</summary>
public static class DhtOperations
{
    private static readonly string[] Names = ["type"];

    /// <summary>The operation a payload asks for; false only if the payload is no sound map.
    /// </summary>
    public static bool TryRead(
        in ReadOnlySequence<byte> payload, out DhtOperation operation, out DecodeError error)
    {
        Utf8Text type = default;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "type"u8)) map.Text(ref type);
            else map.Skip();
        }

        operation = Parse(type.Span);
        if (map.Ends(Names, required: 0, out error)) return true;
        if (error.Code == DecodeErrorCode.WrongKind) error = default;

        operation = DhtOperation.Unknown;
        return error.Code == DecodeErrorCode.None;
    }

    internal static ReadOnlySpan<byte> Text(DhtOperation operation) => operation switch
    {
        DhtOperation.FindNode => "find_node"u8,
        DhtOperation.FindNodeReply => "find_node_reply"u8,
        DhtOperation.Store => "store"u8,
        DhtOperation.FindValue => "find_value"u8,
        DhtOperation.FindValueReply => "find_value_reply"u8,
        _ => ""u8,
    };

    private static DhtOperation Parse(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty) return DhtOperation.Unknown;

        for (var operation = DhtOperation.FindNode; operation <= DhtOperation.FindValueReply;
            operation++)
        {
            if (text.SequenceEqual(Text(operation))) return operation;
        }

        return DhtOperation.Unknown;
    }
}
