using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>FIND_VALUE_REPLY (0x44): the value, or where to ask next, or a refusal.</summary>
/// <remarks>Exactly one of <see cref="Value"/>, <see cref="Nodes"/> and <see cref="Reason"/> is
/// set. A value is one map or a list of maps (<see cref="Providers"/>) and a slice of a
/// one-segment payload.</remarks>
public sealed record FindValueReplyMessage : IMessage
{
    private static readonly string[] Names = ["type", "result", "value", "nodes", "reason"];

    private FindValueReplyMessage()
    {
    }

    public FrameType Type => FrameType.FindValueReply;

    /// <summary>What is stored, as it was stored; usually service records.</summary>
    public RawValue? Value { get; private init; }

    /// <summary>Nothing is stored here; these nodes are closest, at most 1024. May be empty.
    /// </summary>
    public IReadOnlyList<NodeInfo>? Nodes { get; private init; }

    /// <summary>The inner type was <c>error</c>: why, such as <c>unknown_message</c>.</summary>
    public Utf8Text? Reason { get; private init; }

    public static FindValueReplyMessage Found(RawValue value) => new() { Value = value };

    /// <summary>One provider or more, sent as a list.</summary>
    /// <exception cref="ArgumentException">No provider: that is <see cref="Missed"/>.</exception>
    public static FindValueReplyMessage Found(IReadOnlyList<RawValue> providers)
    {
        if (providers.Count == 0)
            throw new ArgumentException("A value list is never empty.", nameof(providers));
        return new() { Value = RawList(providers) };
    }

    public static FindValueReplyMessage Missed(IReadOnlyList<NodeInfo> nodes) =>
        new() { Nodes = nodes };

    public static FindValueReplyMessage Refused(Utf8Text reason) => new() { Reason = reason };

    /// <summary>The service records of <see cref="Value"/>, be it one map or a list; entries that
    /// are none are left out, as earlier clients do.</summary>
    public IReadOnlyList<ServiceRecord> Providers()
    {
        if (Value is not { } value || value.Elements() is not { } elements) return [];

        var records = new List<ServiceRecord>(elements.Count);
        foreach (var element in elements)
            if (ServiceRecord.TryDecode(element, out var record, out _)) records.Add(record);
        return records;
    }

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out FindValueReplyMessage message, out DecodeError error)
    {
        Utf8Text type = default;
        Utf8Text result = default;
        RawValue value = default;
        IReadOnlyList<NodeInfo> nodes = [];
        Utf8Text reason = default;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "type"u8)) map.Text(ref type);
            else if (map.Is(1, "result"u8)) map.Text(ref result);
            else if (map.Is(2, "value"u8)) map.Raw(ref value);
            else if (map.Is(3, "nodes"u8)) nodes = NodeInfo.ReadAll(ref map);
            else if (map.Is(4, "reason"u8)) map.Text(ref reason);
            else map.Skip();
        }

        message = null!;
        var refused = type.Equals("error"u8);
        var found = result.Equals("value"u8);
        var required = refused ? 0b10001u : found ? 0b00110u : 0b01010u;
        if (!map.Ends(Names, required, out error)) return false;

        message = refused ? Refused(reason) : found ? Found(value) : Missed(nodes);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        if (Reason is { } reason)
        {
            writer.Map(2);
            writer.Bytes("reason"u8);
            writer.Bytes(reason.Span);
            writer.Bytes("type"u8);
            writer.Bytes("error"u8);
            return;
        }

        writer.Map(3);
        if (Nodes is { } nodes)
        {
            writer.Bytes("nodes"u8);
            NodeInfo.WriteAll(nodes, ref writer);
        }

        writer.Bytes("result"u8);
        writer.Bytes(Value is null ? "nodes"u8 : "value"u8);
        writer.Bytes("type"u8);
        writer.Bytes(DhtOperations.Text(DhtOperation.FindValueReply));
        if (Value is { } value)
        {
            writer.Bytes("value"u8);
            writer.Raw(value);
        }
    }

    private static RawValue RawList(IReadOnlyList<RawValue> values)
    {
        var measuring = PayloadWriter.Measuring();
        Write(values, ref measuring);
        var bytes = new byte[measuring.Length];
        var writer = new PayloadWriter(bytes);
        Write(values, ref writer);
        return new RawValue(bytes);

        static void Write(IReadOnlyList<RawValue> values, ref PayloadWriter writer)
        {
            writer.List(values.Count);
            foreach (var value in values) writer.Raw(value);
        }
    }
}
