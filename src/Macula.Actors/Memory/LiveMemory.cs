using System.Runtime.InteropServices;

namespace Macula.Actors.Memory;

/// <summary>What this process holds without what is only kept for later: the figures that show a leak, which resident and
/// managed memory hide in garbage and free pages.</summary>
internal static partial class LiveMemory
{
    private const int Oldest = 2; // and after it those of large and of pinned objects

    private const long NativeAge = 1_000; // milliseconds

    private static volatile bool _isNativeUnknown = !OperatingSystem.IsLinux();
    private static long _askedAt = -NativeAge;
    private static long _native;
    private static long _managed;

    /// <summary>Bytes of managed objects that the last collection of all generations left, blocking or background, without
    /// the young: a background one counts what was allocated while it ran, up to a whole budget. What stays grows old at
    /// the next collections. 0 before the first one.</summary>
    public static long Managed()
    {
        var (blocking, background) = (GC.GetGCMemoryInfo(GCKind.FullBlocking), GC.GetGCMemoryInfo(GCKind.Background));
        var left = Old(background.Index > blocking.Index ? background : blocking);
        // Of one that has just begun there is an index and nothing else: what the one before it left still holds.
        if (left > 0) Interlocked.Exchange(ref _managed, left);
        return Interlocked.Read(ref _managed);
    }

    /// <summary>Bytes that native code holds from malloc, in all arenas and beside them (mallinfo2(3)), a second old at most;
    /// what malloc keeps for each thread counts too, up to some 100 KiB of each. 0 where the C library does not tell: it is not
    /// glibc, or older than 2.33.</summary>
    /// <remarks>Walks the free pieces of each arena under its lock: some milliseconds where there are 100,000. Hence at most
    /// once a second, however often somebody asks.</remarks>
    public static long Native()
    {
        var now = Environment.TickCount64;
        var asked = Interlocked.Read(ref _askedAt);
        if (_isNativeUnknown || now - asked < NativeAge || Interlocked.CompareExchange(ref _askedAt, now, asked) != asked)
            return Interlocked.Read(ref _native);
        try
        {
            var info = MallocInfo();
            Interlocked.Exchange(ref _native, (long)(info.Used + info.Mapped));
        }
        catch (Exception fault) when (fault is DllNotFoundException or EntryPointNotFoundException)
        {
            _isNativeUnknown = true;
        }

        return Interlocked.Read(ref _native);
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
