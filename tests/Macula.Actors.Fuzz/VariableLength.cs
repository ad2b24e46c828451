namespace Macula.Actors.Fuzz;

/// <summary>Variable-length integers (RFC 9000, section 16).</summary>
internal static class VariableLength
{
    public static byte[] Write(long value)
    {
        var bytes = new byte[value < 1 << 6 ? 1 : value < 1 << 14 ? 2 : value < 1 << 30 ? 4 : 8];
        var prefix = bytes.Length switch { 1 => 0, 2 => 0x40, 4 => 0x80, _ => 0xc0 };
        for (var i = bytes.Length - 1; i >= 0; i--, value >>= 8) bytes[i] = (byte)value;
        bytes[0] |= (byte)prefix;
        return bytes;
    }

    /// <param name="at">Where it begins; gets where it ends.</param>
    public static long Read(ReadOnlySpan<byte> bytes, ref int at)
    {
        var length = 1 << (bytes[at] >> 6);
        long value = bytes[at] & 0x3f;
        for (var i = 1; i < length; i++) value = (value << 8) | bytes[at + i];
        at += length;
        return value;
    }
}
