using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>CAST (0x22): a call that wants no reply.</summary>
/// <param name="Procedure">The name.</param>
/// <param name="Args">JSON text by custom.</param>
/// <remarks>Both are slices of a one-segment payload.</remarks>
public sealed record CastMessage(Utf8Text Procedure, ReadOnlyMemory<byte> Args) : IMessage
{
    private static readonly string[] Names = ["procedure", "args"];

    public FrameType Type => FrameType.Cast;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out CastMessage message, out DecodeError error)
    {
        Utf8Text procedure = default;
        ReadOnlyMemory<byte> args = default;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "procedure"u8)) map.Text(ref procedure);
            else if (map.Is(1, "args"u8)) map.Bytes(ref args);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b11, out error)) return false;

        message = new CastMessage(procedure, args);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("args"u8);
        writer.Bytes(Args.Span);
        writer.Bytes("procedure"u8);
        writer.Bytes(Procedure.Span);
    }
}
