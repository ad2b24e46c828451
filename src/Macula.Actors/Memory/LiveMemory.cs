using System.Runtime.InteropServices;

namespace Macula.Actors.Memory;

/// <summary>What this process holds without what is only kept for later: the figures that show a leak, which resident and
/// managed memory hide in garbage and free pages.</summary>
internal static partial class LiveMemory
{
    private const int Oldest = 2; // and after it those of large and of pinned objects

    private static volatile bool _isNativeUnknown = !OperatingSystem.IsLinux();

    /// <summary>Bytes of managed objects that the last collection of all generations left, blocking or background, without
    /// the young: a background one counts what was allocated while it ran, up to a whole budget. What stays grows old at
    /// the next collections. 0 before the first one.</summary>
    public static long Managed()
    {
        var (blocking, background) = (GC.GetGCMemoryInfo(GCKind.FullBlocking), GC.GetGCMemoryInfo(GCKind.Background));
        var (left, newer) = (Old(blocking), Old(background));
        // Of one that has just begun there is an index and nothing else.
        return background.Index > blocking.Index && newer > 0 ? newer : left;
    }

    /// <summary>Bytes that native code holds from malloc, in all arenas and beside them (mallinfo2(3)); what malloc keeps
    /// for each thread counts too, up to some 100 KiB of each. 0 where the C library does not tell: it is not glibc, or older
    /// than 2.33.</summary>
    /// <remarks>Walks the free pieces of each arena under its lock: some milliseconds where there are 100,000.</remarks>
    public static long Native()
    {
        if (_isNativeUnknown) return 0;
        try
        {
            var info = MallocInfo();
            return (long)(info.Used + info.Mapped);
        }
        catch (Exception fault) when (fault is DllNotFoundException or EntryPointNotFoundException)
        {
            _isNativeUnknown = true;
            return 0;
        }
    }

    private static long Old(in GCMemoryInfo collection)
    {
        var bytes = 0L;
        foreach (var generation in collection.GenerationInfo[Oldest..])
            bytes += generation.SizeAfterBytes - generation.FragmentationAfterBytes;
        return bytes;
    }

    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial MallocFigures MallocInfo();

    // struct mallinfo2 of malloc.h; ten size_t, of which two are read.
    [StructLayout(LayoutKind.Sequential)]
    private struct MallocFigures
    {
        public nuint Arena, FreePieces, FastPieces, MappedPieces, Mapped, MostUsed, FastFree, Used, Free, Trimmable;
    }
}
