using System.Text;
using Macula.Actors.Fuzz;

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
        for (var at = 0; at < stream.Length;)
        {
            var type = VariableLength.Read(stream, ref at);
            var length = (int)VariableLength.Read(stream, ref at);
            if (type == Data) content.AddRange(stream.Slice(at, length));
            at += length;
        }

        return [.. content];
    }

    private static byte[] Frame(byte type, byte[] payload) =>
        [type, .. VariableLength.Write(payload.Length), .. payload];

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];
}
