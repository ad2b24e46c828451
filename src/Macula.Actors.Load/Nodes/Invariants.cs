namespace Macula.Actors.Load.Nodes;

/// <summary>What is true of every reading of a node, whatever it is put through.</summary>
internal static class Invariants
{
    /// <summary>What is wrong with the sample, or null.</summary>
    public static string? Check(NodeSample sample)
    {
        foreach (var (name, table) in sample.Tables)
        {
            if (table.Limit > 0 && Math.Max(table.Size, table.HighWater) > table.Limit)
                return $"{name} had {Math.Max(table.Size, table.HighWater)} entries of {table.Limit}";
        }

        var (clients, streams) = (sample.Size("clients"), sample.Size("client_streams"));
        return clients == streams ? null : $"{clients} clients had {streams} streams at {sample.At}";
    }
}
