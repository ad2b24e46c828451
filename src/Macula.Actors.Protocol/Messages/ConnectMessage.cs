using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>CONNECT (0x01): the first frame of a client, answered by a <see cref="PongMessage"/>.
/// </summary>
/// <param name="Version">Protocol version of the sender, <c>1.0</c>; never checked.</param>
/// <param name="NodeId">Who the sender says it is.</param>
/// <param name="Realm">The plain realm name, compared byte for byte.</param>
/// <param name="Capabilities"><c>pubsub</c>, <c>rpc</c>; at most 1024.</param>
/// <param name="Endpoint">Where peers may reach the sender, <c>https://host:port</c>.</param>
/// <remarks>Texts are slices of a one-segment payload.</remarks>
public sealed record ConnectMessage(
    Utf8Text Version,
    NodeId NodeId,
    Utf8Text Realm,
    IReadOnlyList<Utf8Text> Capabilities,
    Utf8Text? Endpoint = null) : IMessage
{
    /// <summary>What we and earlier clients send as version.</summary>
    public static Utf8Text CurrentVersion { get; } = "1.0";

    private static readonly string[] Names =
        ["version", "node_id", "realm_id", "capabilities", "endpoint"];

    public FrameType Type => FrameType.Connect;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out ConnectMessage message, out DecodeError error)
    {
        Utf8Text version = default;
        NodeId node = default;
        Utf8Text realm = default;
        IReadOnlyList<Utf8Text> capabilities = [];
        Utf8Text endpoint = default;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "version"u8)) map.Text(ref version);
            else if (map.Is(1, "node_id"u8)) map.Node(ref node);
            else if (map.Is(2, "realm_id"u8)) map.Text(ref realm);
            else if (map.Is(3, "capabilities"u8)) map.Texts(ref capabilities);
            else if (map.Is(4, "endpoint"u8)) map.Text(ref endpoint);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b1111, out error)) return false;

        message = new ConnectMessage(
            version, node, realm, capabilities, map.Has(4) ? endpoint : default(Utf8Text?));
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(Endpoint is null ? 4 : 5);
        writer.Bytes("capabilities"u8);
        writer.Texts(Capabilities);
        if (Endpoint is { } endpoint)
        {
            writer.Bytes("endpoint"u8);
            writer.Bytes(endpoint.Span);
        }

        writer.Bytes("node_id"u8);
        writer.Bytes(NodeId.Span);
        writer.Bytes("realm_id"u8);
        writer.Bytes(Realm.Span);
        writer.Bytes("version"u8);
        writer.Bytes(Version.Span);
    }
}
