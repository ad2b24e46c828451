using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Macula.Actors.Protocol;

/// <summary>Names a published message: a counter of the publishing process, unique there only.</summary>
/// <remarks>0 to 64 bytes, held by value: independent of the buffer it was decoded from, and
/// without allocation up to 16 bytes. default is the empty id.</remarks>
public readonly struct MessageId : IEquatable<MessageId>
{
    /// <summary>Bytes of the ids that we and the reference make.</summary>
    public const int DefaultLength = 16;

    private readonly ShortBytes _bytes;

    /// <exception cref="ArgumentOutOfRangeException">More than 64 bytes.</exception>
    public MessageId(ReadOnlySpan<byte> bytes) => _bytes = new ShortBytes(bytes);

    public int Length => _bytes.Length;

    public bool IsEmpty => _bytes.Length == 0;

    /// <summary>A counter as 16 big-endian bytes; the reference counts from 1.</summary>
    public static MessageId FromCounter(UInt128 counter)
    {
        Span<byte> bytes = stackalloc byte[DefaultLength];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, counter);
        return new MessageId(bytes);
    }

    /// <summary>16 bytes from the cryptographic generator.</summary>
    public static MessageId Random()
    {
        Span<byte> bytes = stackalloc byte[DefaultLength];
        RandomNumberGenerator.Fill(bytes);
        return new MessageId(bytes);
    }

    /// <summary>Copies <see cref="Length"/> bytes.</summary>
    public void CopyTo(Span<byte> destination) => _bytes.CopyTo(destination);

    public byte[] ToArray() => _bytes.ToArray();

    public bool Equals(MessageId other) => _bytes.Equals(other._bytes);

    public override bool Equals(object? obj) => obj is MessageId other && Equals(other);

    public override int GetHashCode() => _bytes.GetHashCode();

    /// <summary>Lower-case hex.</summary>
    public override string ToString() => _bytes.ToString();

    public static bool operator ==(MessageId left, MessageId right) => left.Equals(right);

    public static bool operator !=(MessageId left, MessageId right) => !left.Equals(right);
}
