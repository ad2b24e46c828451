using System.Buffers.Binary;
using System.Text;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>Just enough HTTP/3 (RFC 9114, RFC 9204) to exchange bytes with programs that speak nothing else.</summary>
internal static class Http3
{
    private const byte Data = 0;
    private const byte Headers = 1;

    /// <summary>GET of a file of <c>https://localhost</c>.</summary>
    public static byte[] Get(string path)
    {
        // No dynamic table; GET and https are entries 17 and 23 of the static one, :authority and :path names 0 and 1.
        byte[] fields = [0, 0, 0xd1, 0xd7, 0x50, .. Text("localhost"), 0x51, .. Text(path)];
        return Frame(Headers, fields);
    }

    /// <summary>200 with this content.</summary>
    public static byte[] Answer(byte[] content) => [.. Frame(Headers, [0, 0, 0xd9]), .. Frame(Data, content)];

    /// <summary>The content of a request or an answer.</summary>
    public static byte[] Content(ReadOnlySpan<byte> stream)
    {
        var content = new List<byte>();
        while (stream.Length > 0)
        {
            var type = Integer(ref stream);
            var length = (int)Integer(ref stream);
            if (type == Data) content.AddRange(stream[..length]);
            stream = stream[length..];
        }

        return [.. content];
    }

    private static byte[] Frame(byte type, byte[] payload)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)payload.Length | 0x80000000);
        return [type, .. length, .. payload];
    }

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    // RFC 9000, section 16.
    private static long Integer(ref ReadOnlySpan<byte> from)
    {
        var size = 1 << (from[0] >> 6);
        long value = from[0] & 0x3f;
        for (var i = 1; i < size; i++) value = (value << 8) | from[i];
        from = from[size..];
        return value;
    }
}
