using System.Globalization;
using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Whether a node has places for all the clients of a scenario.</summary>
internal static class Room
{
    private static readonly (string Table, string Setting)[] Limits =
        [("clients", "macula.clients.max-clients"), ("connections", "macula.gateway.max-connections")];

    /// <summary>Why it has not, and what to do; null when it has.</summary>
    public static string? Fault(IScenario scenario, LoadOptions options, NodeSample node)
    {
        var wanted = scenario.Clients(options);
        foreach (var (name, setting) in Limits)
        {
            if (node.Tables.GetValueOrDefault(name) is not { Limit: > 0 } table || table.Limit - table.Size >= wanted) continue;
            var free = table.Limit - table.Size;
            var scale = Math.Floor(options.Scale * free / wanted * 1000) / 1000;
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{scenario.Name} has {wanted:N0} clients at once, and of the {table.Limit:N0} places in the node's table {name} " +
                $"{free:N0} are free; set {setting} to {table.Size + wanted} or more") +
                (scale > 0 ? string.Create(CultureInfo.InvariantCulture, $", or give --scale {scale}") : "");
        }

        return null;
    }
}
