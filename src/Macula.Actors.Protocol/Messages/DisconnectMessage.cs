using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>DISCONNECT (0x02): a wish to close, or from us the reason of a close.</summary>
/// <param name="Reason">One of <see cref="DisconnectReasons"/> from us; earlier versions have
/// <c>normal</c>, <c>error</c>, <c>timeout</c>.</param>
/// <param name="Message">A sentence for people.</param>
/// <param name="RetryAfter">Our extension, <c>retry_after</c> on the wire: milliseconds to wait
/// before connecting again, 0 to 2^31-1.</param>
/// <remarks>Texts are slices of a one-segment payload.</remarks>
public sealed record DisconnectMessage(Utf8Text Reason, Utf8Text Message, int? RetryAfter = null)
    : IMessage
{
    private static readonly string[] Names = ["reason", "message", "retry_after"];

    public FrameType Type => FrameType.Disconnect;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out DisconnectMessage message, out DecodeError error)
    {
        Utf8Text reason = default;
        Utf8Text sentence = default;
        var retryAfter = 0;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "reason"u8)) map.Text(ref reason);
            else if (map.Is(1, "message"u8)) map.Text(ref sentence);
            else if (map.Is(2, "retry_after"u8)) map.Int(ref retryAfter, 0, int.MaxValue);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b11, out error)) return false;

        message = new DisconnectMessage(reason, sentence, map.Has(2) ? retryAfter : null);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(RetryAfter is null ? 2 : 3);
        writer.Bytes("message"u8);
        writer.Bytes(Message.Span);
        writer.Bytes("reason"u8);
        writer.Bytes(Reason.Span);
        if (RetryAfter is { } retryAfter)
        {
            writer.Bytes("retry_after"u8);
            writer.Int(retryAfter);
        }
    }
}
