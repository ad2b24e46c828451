using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Macula.Actors.Protocol;

/// <summary>A place in the 256-bit key space that names and nodes share.</summary>
/// <remarks>Held by value: a dictionary key without allocation. default is the place of all zero
/// bits.</remarks>
public readonly record struct DhtKey : IComparable<DhtKey>
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 32;

    private readonly UInt128 _high;
    private readonly UInt128 _low;

    private DhtKey(UInt128 high, UInt128 low) => (_high, _low) = (high, low);

    /// <summary>SHA-256 of a procedure, topic or pattern text: one key space for all of them.
    /// </summary>
    public static DhtKey ForName(Utf8Text name) => Hashed(name.Span);

    /// <summary>The place of a node: see <see cref="FromBytes"/>.</summary>
    public static DhtKey ForNode(NodeId node) => FromBytes(node.Span);

    /// <summary>32 bytes as they are; any other number of bytes hashed with SHA-256, as the
    /// reference does for distances.</summary>
    public static DhtKey FromBytes(ReadOnlySpan<byte> bytes) =>
        bytes.Length == Length ? Read(bytes) : Hashed(bytes);

    /// <summary>XOR of both, to be compared as a big-endian number.</summary>
    public DhtDistance DistanceTo(DhtKey other) => new(_high ^ other._high, _low ^ other._low);

    /// <summary>Writes 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt128BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt128BigEndian(destination[16..], _low);
    }

    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        CopyTo(bytes);
        return bytes;
    }

    public int CompareTo(DhtKey other) =>
        _high == other._high ? _low.CompareTo(other._low) : _high.CompareTo(other._high);

    public override int GetHashCode() => KeyedHash.Of(_high, _low);

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToArray());

    private static DhtKey Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt128BigEndian(bytes),
        BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));

    private static DhtKey Hashed(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[Length];
        SHA256.HashData(bytes, hash);
        return Read(hash);
    }

    public static bool operator <(DhtKey left, DhtKey right) => left.CompareTo(right) < 0;

    public static bool operator <=(DhtKey left, DhtKey right) => left.CompareTo(right) <= 0;

    public static bool operator >(DhtKey left, DhtKey right) => left.CompareTo(right) > 0;

    public static bool operator >=(DhtKey left, DhtKey right) => left.CompareTo(right) >= 0;
}
