using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>CANCEL (0x25), our extension: the caller no longer waits for this call. There is no
/// answer; a peer that does not know it skips it.</summary>
/// <param name="CallId">As in the CALL.</param>
public sealed record CancelMessage(CallId CallId) : IMessage
{
    private static readonly string[] Names = ["call_id"];

    public FrameType Type => FrameType.Cancel;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out CancelMessage message, out DecodeError error)
    {
        CallId id = default;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "call_id"u8)) map.Id(ref id);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b1, out error)) return false;

        message = new CancelMessage(id);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(1);
        writer.Bytes("call_id"u8);
        writer.Id(CallId);
    }
}
