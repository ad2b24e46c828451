using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A hash with a random key that only this process has, so that nobody outside can fill one bucket of a table.
/// </summary>
/// <remarks>Strings have it (Marvin32). <see cref="HashCode"/> does not do: 64-bit numbers are folded before its seed
/// comes in.</remarks>
internal static class KeyedHash
{
    public static int Of(ReadOnlySpan<ulong> words) => Of(MemoryMarshal.Cast<ulong, char>(words));

    public static int Of(ReadOnlySpan<char> bytes) => string.GetHashCode(bytes);
}
