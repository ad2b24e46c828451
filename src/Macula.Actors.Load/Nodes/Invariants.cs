namespace Macula.Actors.Load.Nodes;

/// <summary>What is true of every reading of a node, whatever it is put through.</summary>
internal static class Invariants
{
    /// <summary>What is wrong with the sample, or null.</summary>
    /// <param name="before">The one before it. The node reads its tables one after the other while they change, so that
    /// clients and streams count as different only when they are twice.</param>
    public static string? Check(NodeSample? before, NodeSample sample)
    {
        foreach (var (name, table) in sample.Tables)
        {
            if (table.Limit > 0 && Math.Max(table.Size, table.HighWater) > table.Limit)
                return $"{name} had {Math.Max(table.Size, table.HighWater)} entries of {table.Limit}";
        }

        if (before is null || Balance(before) == 0 || Balance(sample) == 0) return null;
        return $"{sample.Size("clients")} clients had {sample.Size("client_streams")} streams at {sample.At}";
    }

    private static long Balance(NodeSample sample) => sample.Size("clients") - sample.Size("client_streams");
}
