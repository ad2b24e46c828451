namespace Macula.Actors.Memory;

/// <summary>What the process holds, against what it may. Bytes.</summary>
/// <param name="Managed">Objects that the last collection left alive.</param>
/// <param name="Native">What is resident beside the managed heap: stacks, code, buffers of QUIC and TLS, and what was
/// allocated since the last collection.</param>
/// <param name="Limit">All that the process may hold; more ends it.</param>
/// <param name="ManagedLimit">The most that the runtime lets its heap grow to. In a container that is by default three
/// quarters of its limit, so that the heap may be full while there is memory.</param>
public readonly record struct MemoryReading(long Managed, long Native, long Limit, long ManagedLimit)
{
    public long Live => Managed + Native;

    /// <summary>Percent used of the limit that is nearer, rounded.</summary>
    public int Percent => (int)Math.Round(100 * Math.Max((double)Live / Limit, (double)Managed / ManagedLimit));

    /// <summary>Whether more than this many percent of either limit are used.</summary>
    public bool IsAbove(int percent) =>
        (Int128)Live * 100 > (Int128)Limit * percent || (Int128)Managed * 100 > (Int128)ManagedLimit * percent;

    /// <summary>Whether less than this many percent of both limits are used.</summary>
    public bool IsBelow(int percent) =>
        (Int128)Live * 100 < (Int128)Limit * percent && (Int128)Managed * 100 < (Int128)ManagedLimit * percent;
}
