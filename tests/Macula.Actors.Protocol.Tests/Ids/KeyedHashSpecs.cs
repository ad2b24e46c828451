using System.Buffers.Binary;

namespace Macula.Actors.Protocol.Tests.Ids;

/// <summary>Bytes that peers choose are keys of our tables: none may be chosen so that they all share one bucket.</summary>
public sealed class KeyedHashSpecs
{
    private const int Count = 4096;

    /// <summary>As much as chance has it: two of so many hashes are equal once in 500 runs.</summary>
    private const int FewestHashes = Count - 2;

    [Fact]
    public void Node_ids_cannot_be_chosen_to_collide() => AssertSpread(bytes => new NodeId(bytes));

    [Fact]
    public void Names_cannot_be_chosen_to_collide() => AssertSpread(bytes => new Utf8Text(bytes));

    [Fact]
    public void Values_cannot_be_chosen_to_collide() => AssertSpread(bytes => new RawValue(bytes));

    [Fact]
    public void Keys_cannot_be_chosen_to_collide() => AssertSpread(bytes => DhtKey.FromBytes(bytes));

    [Fact]
    public void Long_ids_cannot_be_chosen_to_collide() => AssertSpread(bytes => new CallId(bytes));

    [Fact]
    public void Short_ids_cannot_be_chosen_to_collide() => AssertSpread(bytes => new MessageId(bytes.AsSpan(0, 16)));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Every_byte_counts(int length)
    {
        var bytes = new byte[length];
        var none = KeyedHash.Of(bytes);
        for (var i = 0; i < length; i++)
        {
            bytes[i] = 1;
            Assert.NotEqual(none, KeyedHash.Of(bytes));
            bytes[i] = 0;
        }
    }

    private static void AssertSpread<T>(Func<byte[], T> key)
        where T : notnull
    {
        Assert.InRange(Hashes(Folded(), key), FewestHashes, Count);
        Assert.InRange(Hashes(Cancelled(), key), FewestHashes, Count);
    }

    private static int Hashes<T>(IEnumerable<byte[]> chosen, Func<byte[], T> key)
        where T : notnull => chosen.Select(bytes => key(bytes).GetHashCode()).Distinct().Count();

    // The hash code of a 64-bit number is its halves XORed.
    private static IEnumerable<byte[]> Folded()
    {
        for (var i = 0u; i < Count; i++)
        {
            var bytes = new byte[32];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, i);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), i);
            yield return bytes;
        }
    }

    // HashCode.AddBytes is xxHash32: what one word does to a lane's upper bits a later word takes back, whatever the seed is.
    private static IEnumerable<byte[]> Cancelled()
    {
        const uint Prime1 = 2654435761, Prime2 = 2246822519;
        const int Rotation = 13, Bits = 12;
        var inverse = Prime2; // Newton: each step doubles the bits that are right
        for (var i = 0; i < 5; i++) inverse *= 2 - (Prime2 * inverse);
        for (var i = 0u; i < Count; i++)
        {
            var bytes = new byte[32];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, (i << (32 - Bits)) * inverse);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), unchecked(0 - ((i << (Rotation - Bits)) * Prime1 * inverse)));
            yield return bytes;
        }
    }
}
