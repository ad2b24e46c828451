using System.Buffers.Binary;

namespace Macula.Actors.Protocol;

/// <summary>How far two places of the key space are from each other: a 256-bit number, smaller is
/// closer, 0 is the same place.</summary>
public readonly record struct DhtDistance(UInt128 High, UInt128 Low) : IComparable<DhtDistance>
{
    /// <summary>Leading zero bits: 0 is the far half of the space, 255 the nearest neighbour, 256
    /// the place itself.</summary>
    public int BucketIndex => High != UInt128.Zero
        ? (int)UInt128.LeadingZeroCount(High)
        : 128 + (int)UInt128.LeadingZeroCount(Low);

    /// <summary>Whether a bit is set.</summary>
    /// <param name="index">From 0, the most significant one, to 255.</param>
    public bool HasBit(int index) => index < 128
        ? (High >> (127 - index) & UInt128.One) != UInt128.Zero
        : (Low >> (255 - index) & UInt128.One) != UInt128.Zero;

    public int CompareTo(DhtDistance other) =>
        High == other.High ? Low.CompareTo(other.Low) : High.CompareTo(other.High);

    /// <summary>32 big-endian bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[DhtKey.Length];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), Low);
        return bytes;
    }

    public override string ToString() => Convert.ToHexStringLower(ToArray());

    public static bool operator <(DhtDistance left, DhtDistance right) => left.CompareTo(right) < 0;

    public static bool operator <=(DhtDistance left, DhtDistance right) =>
        left.CompareTo(right) <= 0;

    public static bool operator >(DhtDistance left, DhtDistance right) => left.CompareTo(right) > 0;

    public static bool operator >=(DhtDistance left, DhtDistance right) =>
        left.CompareTo(right) >= 0;
}
