using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Macula.Actors.Protocol;

/// <summary>The hash of bytes that a peer chose, with a key that only this process has.</summary>
/// <remarks><see cref="HashCode"/> has a random seed and is no defence: whole families of bytes have one hash whatever the
/// seed is, and a table full of them is a list. Strings are hashed with Marvin32, which is made for this.</remarks>
public static class KeyedHash
{
    private static readonly ulong First = RandomKey();
    private static readonly ulong Second = RandomKey();
    private static readonly ulong Third = RandomKey();
    private static readonly ulong Fourth = RandomKey();

    public static int Of(ReadOnlySpan<byte> bytes)
    {
        var hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(bytes));
        return int.IsEvenInteger(bytes.Length) ? hash : HashCode.Combine(hash, bytes[^1]);
    }

    /// <summary>The same of 32 bytes, quicker: sums of products with keys, as UMAC has them (NH, RFC 4418, section
    /// 5.2.2), folded.</summary>
    internal static int Of(UInt128 high, UInt128 low)
    {
        var upper = Math.BigMul((ulong)(high >> 64) + First, (ulong)high + Second, out var lower);
        upper += Math.BigMul((ulong)(low >> 64) + Third, (ulong)low + Fourth, out var more);
        lower += more;
        if (lower < more) upper++;
        return (upper ^ lower).GetHashCode();
    }

    private static ulong RandomKey() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}
