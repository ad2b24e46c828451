using System.Globalization;

namespace Macula.Actors.Memory;

/// <summary>The memory of this process, as the runtime and the kernel count it.</summary>
/// <param name="limit">Bytes; 0 takes the least of the limits of the process's cgroups and the machine's memory.</param>
/// <param name="root">Where <c>proc</c> and the cgroup mounts are found; another folder in specs.</param>
public sealed class ProcessMemory(long limit = 0, string root = "/") : IMemorySource
{
    private readonly Cgroups _cgroups = new(root);
    private readonly long? _machine = MachineTotal(root);
    private readonly string _resident = Path.Join(root, "proc/self/statm");

    /// <inheritdoc/>
    public MemoryReading Read()
    {
        var heap = GC.GetGCMemoryInfo(GCKind.Any);
        var managed = Math.Max(0, heap.HeapSizeBytes - heap.FragmentedBytes);

        // What the heap has grown by since that collection counts as native until the next one says what of it lives.
        var native = Math.Max(0, Resident() - heap.TotalCommittedBytes);
        return new MemoryReading(managed, native, Limit(heap.TotalAvailableMemoryBytes), heap.TotalAvailableMemoryBytes);
    }

    /// <inheritdoc/>
    public void Collect(bool waits) =>
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: waits, compacting: false);

    private long Limit(long available) =>
        limit > 0 ? limit : Math.Min(_cgroups.Limit() ?? long.MaxValue, _machine ?? available);

    // The second number of statm; pages. Elsewhere than on Linux the runtime asks the system.
    private long Resident()
    {
        var fields = KernelFile.Numbers(_resident).Split(' ');
        return fields.Length > 1 && long.TryParse(fields[1], CultureInfo.InvariantCulture, out var pages)
            ? pages * Environment.SystemPageSize
            : Environment.WorkingSet;
    }

    private static long? MachineTotal(string root)
    {
        foreach (var line in KernelFile.Lines(Path.Join(root, "proc/meminfo")))
        {
            if (!line.StartsWith("MemTotal:", StringComparison.Ordinal)) continue;
            var number = line["MemTotal:".Length..].Replace("kB", "", StringComparison.Ordinal).Trim();
            return long.TryParse(number, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes * 1024 : null;
        }

        return null;
    }
}
