using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>A way to find memory that is used after it was freed: freed blocks are filled with <see cref="Value"/>, and
/// looked at when they are given out again.</summary>
/// <remarks>On with the environment variable MACULA_QUIC_POISON=1 or the AppContext switch of that name, and in debug
/// builds; read once, at the first use. It costs a pass over each block, twice.</remarks>
internal static class Poison
{
    public const string Name = "MACULA_QUIC_POISON";

    public const byte Value = 0xdd;

    public static bool IsOn { get; } =
#if DEBUG
        true;
#else
        Environment.GetEnvironmentVariable(Name) == "1" || (AppContext.TryGetSwitch(Name, out var isOn) && isOn);
#endif

    public static void Fill(Span<byte> freed) => freed.Fill(Value);

    /// <summary>Where something wrote after the block was freed; -1: nowhere.</summary>
    public static int Damage(ReadOnlySpan<byte> freed) => freed.IndexOfAnyExcept(Value);

    /// <summary>Frees memory of <see cref="NativeMemory"/>.</summary>
    public static unsafe void Free(void* block, nuint size)
    {
        if (IsOn && block != null) Fill(new Span<byte>(block, (int)size));
        NativeMemory.Free(block);
    }
}
