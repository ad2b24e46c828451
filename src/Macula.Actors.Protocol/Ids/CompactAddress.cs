using System.Buffers.Binary;
using System.Net;

namespace Macula.Actors.Protocol;

/// <summary>An address and port in 7 bytes for IPv4, 19 for IPv6: family (4 or 6), address, port
/// big-endian. Not used on the wire by this version.</summary>
public static class CompactAddress
{
    private const byte V4 = 4;
    private const byte V6 = 6;

    public static byte[] Encode(IPEndPoint endpoint)
    {
        var address = endpoint.Address.GetAddressBytes();
        var bytes = new byte[1 + address.Length + 2];
        bytes[0] = address.Length == 4 ? V4 : V6;
        address.CopyTo(bytes.AsSpan(1));
        BinaryPrimitives.WriteUInt16BigEndian(
            bytes.AsSpan(1 + address.Length), (ushort)endpoint.Port);
        return bytes;
    }

    /// <summary>Reads exactly one address; false for another family or length.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out IPEndPoint endpoint)
    {
        endpoint = null!;
        var length = bytes.IsEmpty ? 0 : bytes[0] switch { V4 => 4, V6 => 16, _ => 0 };
        if (length == 0 || bytes.Length != 1 + length + 2) return false;

        endpoint = new IPEndPoint(
            new IPAddress(bytes.Slice(1, length)),
            BinaryPrimitives.ReadUInt16BigEndian(bytes[(1 + length)..]));
        return true;
    }
}
