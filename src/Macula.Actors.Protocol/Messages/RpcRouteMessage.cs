using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>RPC_ROUTE (0x23): a CALL or REPLY on its way to a node.</summary>
/// <param name="Destination">The final receiver.</param>
/// <param name="Source">The original sender, as it claims.</param>
/// <param name="HopCount">0 at the source, one more at each forward; 0 to 2^31-1.</param>
/// <param name="MaxHops">10 by custom, as the sender says; 0 to 2^31-1. Cap it.</param>
/// <param name="PayloadType"><c>call</c>, <c>reply</c>, or of a later version.</param>
/// <param name="Payload">The fields of the CALL or REPLY: give <see cref="RawValue.AsPayload"/> to
/// its TryDecode. A slice of a one-segment payload.</param>
/// <param name="ConnectionId">Read by nobody.</param>
public sealed record RpcRouteMessage(
    NodeId Destination,
    NodeId Source,
    int HopCount,
    int MaxHops,
    Utf8Text PayloadType,
    RawValue Payload,
    ReadOnlyMemory<byte>? ConnectionId = null) : IMessage
{
    /// <summary>Max hops of a route that starts here.</summary>
    public const int DefaultMaxHops = 10;

    private static readonly string[] Names =
    [
        "destination_node_id", "source_node_id", "hop_count", "max_hops", "payload_type",
        "payload", "connection_id",
    ];

    public FrameType Type => FrameType.RpcRoute;

    /// <summary>Whether the payload is a <see cref="CallMessage"/>.</summary>
    public bool IsCall => PayloadType.Equals("call"u8);

    /// <summary>Whether the payload is a <see cref="ReplyMessage"/>.</summary>
    public bool IsReply => PayloadType.Equals("reply"u8);

    /// <summary>A call from <paramref name="source"/> that has not travelled yet.</summary>
    public static RpcRouteMessage ForCall(NodeId destination, NodeId source, CallMessage call) =>
        new(destination, source, 0, DefaultMaxHops, "call", call.ToPayload());

    /// <summary>A reply from <paramref name="source"/> that has not travelled yet.</summary>
    public static RpcRouteMessage ForReply(NodeId destination, NodeId source, ReplyMessage reply) =>
        new(destination, source, 0, DefaultMaxHops, "reply", reply.ToPayload());

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out RpcRouteMessage message, out DecodeError error)
    {
        NodeId destination = default;
        NodeId source = default;
        var hopCount = 0;
        var maxHops = 0;
        Utf8Text payloadType = default;
        RawValue inner = default;
        ReadOnlyMemory<byte> connection = default;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "destination_node_id"u8)) map.Node(ref destination);
            else if (map.Is(1, "source_node_id"u8)) map.Node(ref source);
            else if (map.Is(2, "hop_count"u8)) map.Int(ref hopCount, 0, int.MaxValue);
            else if (map.Is(3, "max_hops"u8)) map.Int(ref maxHops, 0, int.MaxValue);
            else if (map.Is(4, "payload_type"u8)) map.Text(ref payloadType);
            else if (map.Is(5, "payload"u8)) map.Raw(ref inner);
            else if (map.Is(6, "connection_id"u8)) map.Bytes(ref connection);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b111111, out error)) return false;

        message = new RpcRouteMessage(
            destination, source, hopCount, maxHops, payloadType, inner,
            map.Has(6) ? connection : default(ReadOnlyMemory<byte>?));
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(ConnectionId is null ? 6 : 7);
        if (ConnectionId is { } connection)
        {
            writer.Bytes("connection_id"u8);
            writer.Bytes(connection.Span);
        }

        writer.Bytes("destination_node_id"u8);
        writer.Bytes(Destination.Span);
        writer.Bytes("hop_count"u8);
        writer.Int(HopCount);
        writer.Bytes("max_hops"u8);
        writer.Int(MaxHops);
        writer.Bytes("payload"u8);
        writer.Raw(Payload);
        writer.Bytes("payload_type"u8);
        writer.Bytes(PayloadType.Span);
        writer.Bytes("source_node_id"u8);
        writer.Bytes(Source.Span);
    }
}
