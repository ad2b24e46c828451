using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A connection id, or a stateless reset token, as a key of a table.</summary>
/// <remarks>The peer picks some of them, so the hash has a key that it cannot know.</remarks>
internal readonly unsafe struct CidKey : IEquatable<CidKey>
{
    private readonly ulong _first;
    private readonly ulong _second;
    private readonly uint _third;
    private readonly int _length;

    public CidKey(ReadOnlySpan<byte> bytes)
    {
        Span<byte> padded = stackalloc byte[24];
        padded.Clear();
        bytes[..Math.Min(bytes.Length, NativeCid.MaxLength)].CopyTo(padded);
        _first = MemoryMarshal.Read<ulong>(padded);
        _second = MemoryMarshal.Read<ulong>(padded[8..]);
        _third = MemoryMarshal.Read<uint>(padded[16..]);
        _length = bytes.Length;
    }

    public CidKey(NativeCid* cid) : this(new ReadOnlySpan<byte>(cid->Data, (int)cid->Length))
    {
    }

    public bool Equals(CidKey other) =>
        _first == other._first && _second == other._second && _third == other._third && _length == other._length;

    public override bool Equals(object? obj) => obj is CidKey other && Equals(other);

    public override int GetHashCode() => KeyedHash.Of([_first, _second, ((ulong)_length << 32) | _third]);
}
