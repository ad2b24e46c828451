using System.Buffers.Binary;

namespace Macula.Actors.Bench.Quic;

/// <summary>How a stream begins: what its server shall do.</summary>
internal static class Purpose
{
    /// <summary>All that follows comes back.</summary>
    public const byte Echo = (byte)'E';

    /// <summary>So many zeros come, as the 8 bytes after this one say, little endian.</summary>
    public const byte Download = (byte)'D';

    public const int DownloadSize = 1 + sizeof(long);

    public static byte[] DownloadOf(long size)
    {
        var bytes = new byte[DownloadSize];
        bytes[0] = Download;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), size);
        return bytes;
    }
}
