using System.Runtime.InteropServices;

namespace Macula.Actors.Protocol;

/// <summary>The hash of bytes that a peer chose, with a key that only this process has.</summary>
/// <remarks><see cref="HashCode"/> has a random seed and is no defence: whole families of bytes have one hash whatever the
/// seed is, and a table full of them is a list. Strings are hashed with Marvin32, which is made for this.</remarks>
public static class KeyedHash
{
    public static int Of(ReadOnlySpan<byte> bytes)
    {
        var hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(bytes));
        return int.IsEvenInteger(bytes.Length) ? hash : HashCode.Combine(hash, bytes[^1]);
    }
}
