namespace Macula.Actors.Load.Nodes;

/// <summary>What the node's process holds. Bytes, except where said.</summary>
/// <param name="Managed">Objects, garbage included.</param>
/// <param name="Committed">The managed heap.</param>
/// <param name="Native">Resident less committed: QUIC, TLS, stacks, code.</param>
/// <param name="Handles">Open file descriptors; a count.</param>
/// <param name="Threads">A count.</param>
/// <param name="CpuSeconds">User and system time since the start.</param>
/// <param name="Collections">Since the start, by generation.</param>
/// <param name="Live">Objects that the last full collection left, without the young; 0 before the first one, and when an
/// older node does not tell it.</param>
/// <param name="NativeLive">What native code holds from malloc; 0 when the node does not know it.</param>
public sealed record MemoryFigures(
    long Managed, long Committed, long Resident, long Native, int Handles, int Threads, double CpuSeconds,
    IReadOnlyList<int> Collections, long Live = 0, long NativeLive = 0);
