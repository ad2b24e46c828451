using System.Text.Json;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>What a worker is told to do: one JSON text as its second argument.</summary>
public sealed record WorkOrder
{
    public required NodeAddress Node { get; init; }

    /// <summary>The clients of this process, by id.</summary>
    public required IReadOnlyList<ClientOrder> Clients { get; init; }

    /// <summary>For callers: calls of each client, and how many of them wait for their reply at once. For a flood:
    /// connections.</summary>
    public int Calls { get; init; }

    public int Window { get; init; } = 1;

    public static WorkOrder Parse(string json) => JsonSerializer.Deserialize<WorkOrder>(json)!;

    public string ToJson() => JsonSerializer.Serialize(this);
}

/// <summary>One client of a worker.</summary>
/// <param name="Id">Its node id.</param>
/// <param name="Names">The patterns to subscribe to, or the procedures to serve or to call in turn.</param>
/// <param name="Topics">What to publish to, in this order.</param>
public sealed record ClientOrder(string Id, IReadOnlyList<string> Names, IReadOnlyList<string> Topics);
