using System.Runtime.InteropServices;

namespace Macula.Actors.Node;

/// <summary>How the C library keeps memory for the libraries under QUIC, which hold most of a node's. Only for glibc;
/// elsewhere nothing is done.</summary>
internal static partial class NativeHeap
{
    // malloc.h
    private const int MostArenas = -8;

    /// <summary>Few arenas, where there would be eight for each processor: all connections of a loop live in one, and what the
    /// others keep is lost.</summary>
    public static void LimitArenas() => Try(() => SetOption(MostArenas, 2));

    /// <summary>Gives the system back what is free.</summary>
    public static void Trim() => Try(() => TrimHeap(0));

    private static void Try(Func<int> call)
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = call();
        }
        catch (Exception fault) when (fault is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimHeap(nuint keep);
}
