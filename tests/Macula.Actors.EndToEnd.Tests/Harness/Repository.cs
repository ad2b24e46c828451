using System.Text.Json;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>Where things are in the tree that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Node => Built("src/Macula.Actors.Node", "Macula.Actors.Node.dll");

    public static string Tool => Built("src/Macula.Actors.Cli", "macula.dll");

    public static string Worker => Built("tests/Macula.Actors.EndToEnd.Worker", "Macula.Actors.EndToEnd.Worker.dll");

    public static string Quiche => Path.Combine(Root, "tests", "interop-quiche");

    public static string VectorsFolder { get; } = Path.Combine(AppContext.BaseDirectory, "vectors");

    /// <summary>The rows of a file of tests/vectors.</summary>
    public static IReadOnlyList<JsonElement> Vectors(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(VectorsFolder, name + ".json")));
        return [.. document.RootElement.GetProperty("vectors").Clone().EnumerateArray()];
    }

    // Of the same configuration and framework as these tests: bin/<configuration>/<framework>.
    private static string Built(string project, string file)
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        var path = Path.Combine(Root, project, "bin", framework.Parent!.Name, framework.Name, file);
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException($"{path} is missing; build {project} in the same configuration.");
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Macula.Actors.sln")))
            folder = folder.Parent
                ?? throw new DirectoryNotFoundException($"no Macula.Actors.sln above {AppContext.BaseDirectory}");
        return folder.FullName;
    }
}
