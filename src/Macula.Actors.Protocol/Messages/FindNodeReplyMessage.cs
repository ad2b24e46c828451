using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>FIND_NODE_REPLY (0x41): the nodes closest to the target.</summary>
/// <param name="Nodes">Closest first by custom, at most 1024, usually 20; may be empty.</param>
public sealed record FindNodeReplyMessage(IReadOnlyList<NodeInfo> Nodes) : IMessage
{
    private static readonly string[] Names = ["nodes"];

    public FrameType Type => FrameType.FindNodeReply;

    /// <summary>Reads a payload, whatever its inner type (<see cref="DhtOperations"/>).</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out FindNodeReplyMessage message, out DecodeError error)
    {
        IReadOnlyList<NodeInfo> nodes = [];
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "nodes"u8)) nodes = NodeInfo.ReadAll(ref map);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b1, out error)) return false;

        message = new FindNodeReplyMessage(nodes);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("nodes"u8);
        NodeInfo.WriteAll(Nodes, ref writer);
        writer.Bytes("type"u8);
        writer.Bytes(DhtOperations.Text(DhtOperation.FindNodeReply));
    }
}
