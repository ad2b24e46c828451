using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Macula.Actors.Protocol;

/// <summary>Up to 64 bytes held by value, without allocation up to 16: the body of message and
/// call ids, which every client sends as 16 bytes.</summary>
internal readonly struct ShortBytes : IEquatable<ShortBytes>
{
    private const int Inline = 16;

    private readonly UInt128 _head;
    private readonly byte[]? _long;
    private readonly byte _length;

    public ShortBytes(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, ProtocolLimits.MaxIdLength);
        _length = (byte)bytes.Length;
        if (bytes.Length > Inline)
        {
            _long = bytes.ToArray();
            return;
        }

        if (bytes.Length == Inline)
        {
            _head = BinaryPrimitives.ReadUInt128BigEndian(bytes);
            return;
        }

        Span<byte> padded = stackalloc byte[Inline];
        padded.Clear();
        bytes.CopyTo(padded);
        _head = BinaryPrimitives.ReadUInt128BigEndian(padded);
    }

    public int Length => _length;

    public void CopyTo(Span<byte> destination)
    {
        if (_long is not null)
        {
            _long.CopyTo(destination);
            return;
        }

        Span<byte> padded = stackalloc byte[Inline];
        BinaryPrimitives.WriteUInt128BigEndian(padded, _head);
        padded[.._length].CopyTo(destination);
    }

    public byte[] ToArray()
    {
        var bytes = new byte[_length];
        CopyTo(bytes);
        return bytes;
    }

    public bool Equals(ShortBytes other) =>
        _length == other._length && _head == other._head &&
        _long.AsSpan().SequenceEqual(other._long);

    public override bool Equals(object? obj) => obj is ShortBytes other && Equals(other);

    public override int GetHashCode() =>
        KeyedHash.Of(_long ?? MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in _head)));

    public override string ToString() => Convert.ToHexStringLower(ToArray());
}
