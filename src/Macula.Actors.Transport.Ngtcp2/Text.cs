using System.Text;

namespace Macula.Actors.Transport.Ngtcp2;

internal static class Text
{
    private const int LongestReason = 512;

    /// <summary>A peer's text, fit for a log: control characters are replaced.</summary>
    public static string FromPeer(ReadOnlySpan<byte> utf8)
    {
        var text = Encoding.UTF8.GetString(utf8);
        return text.Any(char.IsControl)
            ? string.Create(text.Length, text, (span, source) =>
            {
                for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '?' : source[i];
            })
            : text;
    }

    /// <summary>A close reason as it is sent: at most 512 bytes, whole characters.</summary>
    public static byte[] ReasonBytes(string reason)
    {
        var bytes = Encoding.UTF8.GetBytes(reason);
        if (bytes.Length <= LongestReason) return bytes;
        var end = LongestReason;
        while ((bytes[end] & 0xC0) == 0x80) end--;
        return bytes[..end];
    }
}
