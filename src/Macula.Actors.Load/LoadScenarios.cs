using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load;

/// <summary>The scenarios that there are.</summary>
public static class LoadScenarios
{
    private static readonly IScenario[] Known =
    [
        new MeshScenario(), new ClientsScenario(), new ServicesScenario(), new StreamsScenario(), new CallersScenario(),
        new ConnectScenario(), new StormScenario(), new FanOutScenario(), new IdleSlopeScenario(), new SlowScenario(),
        new OverloadScenario(), new SoakScenario(), new PeersScenario(),
    ];

    /// <summary>Name and what it proves, in the order in which they are run.</summary>
    public static IReadOnlyList<(string Name, string Summary)> All { get; } =
        [.. Known.Select(each => (each.Name, each.Summary))];

    internal static IScenario Find(string name) =>
        Array.Find(Known, each => each.Name == name)
        ?? throw new LoadException(
            $"'{name}' is no scenario; allowed: {string.Join(", ", Known.Select(each => each.Name))}");
}
