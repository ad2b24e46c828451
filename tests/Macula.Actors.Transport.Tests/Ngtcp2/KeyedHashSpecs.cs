using System.Buffers.Binary;
using System.Net;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>Ids and addresses that peers choose are keys of our tables: none may be chosen so that they all share one
/// bucket. The hash code of a 64-bit number is its halves XORed, whatever seed it is mixed with later.</summary>
public sealed class KeyedHashSpecs
{
    private const int Count = 4096;

    /// <summary>As much as chance has it: two of so many hashes are equal once in 500 runs.</summary>
    private const int FewestHashes = Count - 2;

    [Fact]
    public void Connection_ids_cannot_be_chosen_to_collide() => AssertSpread(twice => new CidKey(twice).GetHashCode());

    [Fact]
    public void Addresses_cannot_be_chosen_to_collide() => AssertSpread(Hash);

    private static unsafe int Hash(byte[] ip)
    {
        var bytes = new IPEndPoint(new IPAddress(ip), 1).Serialize().Buffer;
        fixed (byte* address = bytes.Span)
            return AddressKey.Of(new NativeAddress { SocketAddress = address, Length = (uint)bytes.Length }).GetHashCode();
    }

    private static void AssertSpread(Func<byte[], int> hash)
    {
        var hashes = new HashSet<int>();
        for (var i = 1u; i <= Count; i++)
        {
            var bytes = new byte[16];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, i);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), i);
            hashes.Add(hash(bytes));
        }

        Assert.InRange(hashes.Count, FewestHashes, Count);
    }
}
