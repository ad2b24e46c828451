using System.Buffers.Binary;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Whom connections are counted by: an IPv4 address, or an IPv6 /64, which is the least that a site is given
/// (RFC 6177).</summary>
/// <remarks>Peers pick them, so the hash has a key that they cannot know.</remarks>
internal readonly struct AddressKey : IEquatable<AddressKey>
{
    private readonly ulong _bits;
    private readonly bool _isIPv4;

    private AddressKey(ulong bits, bool isIPv4) => (_bits, _isIPv4) = (bits, isIPv4);

    public static AddressKey Of(in NativeAddress address)
    {
        ReadOnlySpan<byte> ip = SocketAddresses.Ip(address);
        if (ip.Length == 16 && ip.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])) ip = ip[12..];
        return ip.Length == 4
            ? new(BinaryPrimitives.ReadUInt32BigEndian(ip), isIPv4: true)
            : new(BinaryPrimitives.ReadUInt64BigEndian(ip), isIPv4: false);
    }

    public bool Equals(AddressKey other) => _bits == other._bits && _isIPv4 == other._isIPv4;

    public override bool Equals(object? obj) => obj is AddressKey other && Equals(other);

    public override int GetHashCode() => KeyedHash.Of([_bits, _isIPv4 ? 1ul : 0]);
}
