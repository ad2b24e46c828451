using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>SUBSCRIBE (0x11). There is no answer.</summary>
/// <param name="Topics">Patterns, at most 1024; a missing list counts as empty.</param>
/// <param name="Qos">0, 1 or 2; 0 if missing.</param>
/// <remarks>Texts are slices of a one-segment payload.</remarks>
public sealed record SubscribeMessage(IReadOnlyList<Utf8Text> Topics, int Qos = 0) : IMessage
{
    private static readonly string[] Names = ["topics", "qos"];

    public FrameType Type => FrameType.Subscribe;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out SubscribeMessage message, out DecodeError error)
    {
        IReadOnlyList<Utf8Text> topics = [];
        var qos = 0;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "topics"u8)) map.Texts(ref topics);
            else if (map.Is(1, "qos"u8)) map.Int(ref qos, 0, 2);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0, out error)) return false;

        message = new SubscribeMessage(topics, qos);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("qos"u8);
        writer.Int(Qos);
        writer.Bytes("topics"u8);
        writer.Texts(Topics);
    }
}
