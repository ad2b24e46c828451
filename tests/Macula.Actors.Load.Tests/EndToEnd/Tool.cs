namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>The tool of the same build, whose processes run workers.</summary>
internal static class Tool
{
    // .../tests/Macula.Actors.Load.Tests/bin/Release/net10.0
    private static readonly DirectoryInfo Framework = new(AppContext.BaseDirectory);

    private static readonly DirectoryInfo Root = Framework.Parent!.Parent!.Parent!.Parent!.Parent!;

    public static string Program { get; } = Path.Combine(
        Root.FullName, "src", "Macula.Actors.Cli", "bin", Framework.Parent!.Name, Framework.Name, "macula.dll");

    public static LoadOptions Options(params string[] scenarios) => new()
    {
        Scenarios = scenarios,
        Worker = ["dotnet", Program, "load-worker"],
        Quic = "ngtcp2",
    };
}
