using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Macula.Actors.Protocol;

/// <summary>Names a call: a counter of the calling process, unique there only, so key by source and id.</summary>
/// <remarks>0 to 64 bytes, held by value: independent of the buffer it was decoded from, and
/// without allocation up to 16 bytes. default is the empty id.</remarks>
public readonly struct CallId : IEquatable<CallId>
{
    /// <summary>Bytes of the ids that we and the reference make.</summary>
    public const int DefaultLength = 16;

    private readonly ShortBytes _bytes;

    /// <exception cref="ArgumentOutOfRangeException">More than 64 bytes.</exception>
    public CallId(ReadOnlySpan<byte> bytes) => _bytes = new ShortBytes(bytes);

    public int Length => _bytes.Length;

    public bool IsEmpty => _bytes.Length == 0;

    /// <summary>A counter as 16 big-endian bytes; the reference counts from 1.</summary>
    public static CallId FromCounter(UInt128 counter)
    {
        Span<byte> bytes = stackalloc byte[DefaultLength];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, counter);
        return new CallId(bytes);
    }

    /// <summary>16 bytes from the cryptographic generator.</summary>
    public static CallId Random()
    {
        Span<byte> bytes = stackalloc byte[DefaultLength];
        RandomNumberGenerator.Fill(bytes);
        return new CallId(bytes);
    }

    /// <summary>Copies <see cref="Length"/> bytes.</summary>
    public void CopyTo(Span<byte> destination) => _bytes.CopyTo(destination);

    public byte[] ToArray() => _bytes.ToArray();

    public bool Equals(CallId other) => _bytes.Equals(other._bytes);

    public override bool Equals(object? obj) => obj is CallId other && Equals(other);

    public override int GetHashCode() => _bytes.GetHashCode();

    /// <summary>Lower-case hex.</summary>
    public override string ToString() => _bytes.ToString();

    public static bool operator ==(CallId left, CallId right) => left.Equals(right);

    public static bool operator !=(CallId left, CallId right) => !left.Equals(right);
}
