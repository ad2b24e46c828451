using System.Diagnostics.CodeAnalysis;

namespace Macula.Actors.Protocol;

/// <summary>Hex digits, strictly: an even number of 0-9, a-f, A-F and nothing else.</summary>
public static class Hex
{
    /// <summary>Lower-case hex.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    /// <summary>The bytes of a hex text; false for an odd length or any other character. The empty
    /// text is no bytes.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.Length % 2 != 0) return false;

        var result = new byte[text.Length / 2];
        for (var i = 0; i < result.Length; i++)
        {
            if (!char.IsAsciiHexDigit(text[2 * i]) || !char.IsAsciiHexDigit(text[(2 * i) + 1]))
                return false;
            result[i] = (byte)((Digit(text[2 * i]) << 4) | Digit(text[(2 * i) + 1]));
        }

        bytes = result;
        return true;
    }

    private static int Digit(char c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
