using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>UNSUBSCRIBE (0x12). There is no answer.</summary>
/// <param name="Topics">Patterns as they were subscribed, compared as text, at most 1024; a
/// missing list counts as empty.</param>
/// <remarks>Texts are slices of a one-segment payload.</remarks>
public sealed record UnsubscribeMessage(IReadOnlyList<Utf8Text> Topics) : IMessage
{
    private static readonly string[] Names = ["topics"];

    public FrameType Type => FrameType.Unsubscribe;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out UnsubscribeMessage message, out DecodeError error)
    {
        IReadOnlyList<Utf8Text> topics = [];
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "topics"u8)) map.Texts(ref topics);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0, out error)) return false;

        message = new UnsubscribeMessage(topics);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(1);
        writer.Bytes("topics"u8);
        writer.Texts(Topics);
    }
}
