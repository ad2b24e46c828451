using System.Buffers;
using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.Client.Internal;

/// <summary>A MessagePack map of texts, keys in byte order, as bin like all texts of the protocol.
/// </summary>
internal static class TextMap
{
    public static RawValue Encode(IReadOnlyDictionary<string, string> map)
    {
        if (map.Count == 0) return default;

        var output = new ArrayBufferWriter<byte>();
        output.Write<byte>([0xde, (byte)(map.Count >> 8), (byte)map.Count]); // map 16
        foreach (var (key, value) in map.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            WriteText(output, key);
            WriteText(output, value);
        }

        return new RawValue(output.WrittenMemory);
    }

    private static void WriteText(ArrayBufferWriter<byte> output, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length <= byte.MaxValue)
            output.Write<byte>([0xc4, (byte)bytes.Length]);
        else if (bytes.Length <= ushort.MaxValue)
            output.Write<byte>([0xc5, (byte)(bytes.Length >> 8), (byte)bytes.Length]);
        else
            throw new ArgumentException($"metadata of {bytes.Length} bytes; allowed up to 65535");
        output.Write<byte>(bytes);
    }
}
