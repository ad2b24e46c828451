namespace Macula.Actors.Protocol;

/// <summary>What one node tells another about a third.</summary>
/// <param name="NodeId">Who it is.</param>
/// <param name="Address"><c>host:port</c>; empty if not known.</param>
/// <param name="LastSeen">Unix milliseconds, where known.</param>
/// <param name="Endpoint"><c>https://host:port</c>, where known; our addition.</param>
public sealed record NodeInfo(
    NodeId NodeId, Utf8Text Address, long? LastSeen = null, Utf8Text? Endpoint = null)
{
    private static readonly string[] Names = ["node_id", "address", "last_seen", "endpoint"];

    internal static IReadOnlyList<NodeInfo> ReadAll(ref MapReader map)
    {
        List<RawValue> raws = [];
        if (!map.Maps(ref raws)) return [];

        var nodes = new List<NodeInfo>(raws.Count);
        foreach (var raw in raws)
        {
            if (TryDecode(raw, out var node, out var fault)) nodes.Add(node);
            else map.Blame(fault.Code);
        }

        return nodes;
    }

    /// <summary>Reads a node map. The address may be missing, and so may the time.</summary>
    internal static bool TryDecode(RawValue value, out NodeInfo node, out DecodeError error)
    {
        NodeId id = default;
        Utf8Text address = default;
        var lastSeen = 0L;
        Utf8Text endpoint = default;
        var map = new MapReader(value.Bytes);
        while (map.Next())
        {
            if (map.Is(0, "node_id"u8)) map.Node(ref id);
            else if (map.Is(1, "address"u8)) map.Text(ref address);
            else if (map.Is(2, "last_seen"u8)) map.Int(ref lastSeen, long.MinValue, long.MaxValue);
            else if (map.Is(3, "endpoint"u8)) map.Text(ref endpoint);
            else map.Skip();
        }

        node = null!;
        if (!map.Ends(Names, required: 0b1, out error)) return false;

        node = new NodeInfo(
            id,
            address,
            map.Has(2) ? lastSeen : null,
            map.Has(3) ? endpoint : default(Utf8Text?));
        return true;
    }

    internal static void WriteAll(IReadOnlyList<NodeInfo> nodes, ref PayloadWriter writer)
    {
        writer.List(nodes.Count);
        foreach (var node in nodes) node.Write(ref writer);
    }

    private void Write(ref PayloadWriter writer)
    {
        writer.Map(2 + (LastSeen is null ? 0 : 1) + (Endpoint is null ? 0 : 1));
        writer.Bytes("address"u8);
        writer.Bytes(Address.Span);
        if (Endpoint is { } endpoint)
        {
            writer.Bytes("endpoint"u8);
            writer.Bytes(endpoint.Span);
        }

        if (LastSeen is { } lastSeen)
        {
            writer.Bytes("last_seen"u8);
            writer.Int(lastSeen);
        }

        writer.Bytes("node_id"u8);
        writer.Bytes(NodeId.Span);
    }
}
