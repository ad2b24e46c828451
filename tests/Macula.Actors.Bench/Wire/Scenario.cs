namespace Macula.Actors.Bench.Wire;

/// <summary>Something to measure.</summary>
/// <param name="Name">Unique.</param>
/// <param name="Unit">What is counted and timed.</param>
/// <param name="Plain">The name of the plain scenario that it is held against; null for those themselves.</param>
internal sealed record Scenario(string Name, string Unit, string? Plain, Func<Task<Measured>> Run)
{
    public static IReadOnlyList<Scenario> All(Bed bed, WireOptions options)
    {
        var (plain, node) = (new PlainScenarios(bed, options), new NodeScenarios(bed, options));
        var many = options.Subscribers;
        return
        [
            new("plain echo, 1 in flight", "echo", null, () => plain.EchoAsync(1, 1)),
            new("ping, 1 in flight", "ping", "plain echo, 1 in flight", node.PingAsync),
            new("call, 1 in flight", "call", "plain echo, 1 in flight", () => node.CallAsync(1, 1, 1)),
            new("plain echo, 64 in flight", "echo", null, () => plain.EchoAsync(1, 64)),
            new("call, 64 in flight", "call", "plain echo, 64 in flight", () => node.CallAsync(1, 1, 64)),
            new("plain echo, 64 connections", "echo", null, () => plain.EchoAsync(64, 1)),
            new("call, 64 callers, 8 providers", "call", "plain echo, 64 connections", () => node.CallAsync(64, 8, 1)),
            new("plain relay 1 to 1, 1 in flight", "delivery", null, () => plain.RelayAsync(1, 1)),
            new("publish 1 to 1, 1 in flight", "delivery", "plain relay 1 to 1, 1 in flight",
                () => node.PublishAsync(1, 1)),
            new("plain relay 1 to 1, 256 in flight", "delivery", null, () => plain.RelayAsync(1, 256)),
            new("publish 1 to 1, 256 in flight", "delivery", "plain relay 1 to 1, 256 in flight",
                () => node.PublishAsync(1, 256)),
            new($"plain relay 1 to {many}, 1 in flight", "delivery", null, () => plain.RelayAsync(many, 1)),
            new($"publish 1 to {many}, 1 in flight", "delivery", $"plain relay 1 to {many}, 1 in flight",
                () => node.PublishAsync(many, 1)),
            new($"plain relay 1 to {many}, 8 in flight", "delivery", null, () => plain.RelayAsync(many, 8)),
            new($"publish 1 to {many}, 8 in flight", "delivery", $"plain relay 1 to {many}, 8 in flight",
                () => node.PublishAsync(many, 8)),
            new($"plain connect {many}", "connection", null, () => plain.ConnectAsync(many)),
            new($"connect {many}", "connection", $"plain connect {many}", () => node.ConnectAsync(many)),
        ];
    }

    /// <summary>Those whose name contains the text, and what they are held against.</summary>
    public static IReadOnlyList<Scenario> Matching(IReadOnlyList<Scenario> all, string filter)
    {
        var asked = all.Where(each => each.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)).ToHashSet();
        return [.. all.Where(each => asked.Contains(each) || asked.Any(other => other.Plain == each.Name))];
    }
}
