namespace Macula.Actors.Load.Nodes;

/// <summary>What the node was like at an instant.</summary>
/// <param name="At">Since the scenario began.</param>
/// <param name="Tables">By name.</param>
/// <param name="Memory">Null when the node does not tell it.</param>
/// <param name="Kernel">Null when the node is on another machine, or this is not Linux.</param>
public sealed record NodeSample(
    TimeSpan At, IReadOnlyDictionary<string, TableFigures> Tables, MemoryFigures? Memory, KernelFigures? Kernel)
{
    /// <summary>Resident bytes, by the kernel or by the node itself; 0 when neither tells.</summary>
    public long Resident => Kernel?.Resident ?? Memory?.Resident ?? 0;

    /// <summary>CPU seconds since the node's start; 0 when nobody tells.</summary>
    public double CpuSeconds => Kernel?.CpuSeconds ?? Memory?.CpuSeconds ?? 0;

    /// <summary>Entries of a table; 0 when the node has none of that name.</summary>
    public long Size(string table) => Tables.GetValueOrDefault(table)?.Size ?? 0;
}
