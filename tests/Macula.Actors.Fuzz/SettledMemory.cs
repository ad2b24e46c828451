using System.Runtime;
using System.Runtime.InteropServices;

namespace Macula.Actors.Fuzz;

/// <summary>Has this process give back all memory that it can, so that what is left is what it holds.</summary>
internal static partial class SettledMemory
{
    public static void Settle()
    {
        for (var i = 0; i < 2; i++) // what finalizers let go in the first round goes in the second
        {
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        _ = Trim(0);
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
