namespace Macula.Actors.Load.Nodes;

/// <summary>Finds the program of the node.</summary>
public static class NodeProgram
{
    private const string File = "Macula.Actors.Node.dll";

    /// <summary>Its path; null when there is none: beside this tool, or where a build of the source tree puts it.</summary>
    /// <param name="folder">Where to look from; default: this program's.</param>
    public static string? Find(string? folder = null)
    {
        var own = new DirectoryInfo(folder ?? AppContext.BaseDirectory);
        var beside = Path.Combine(own.FullName, File);
        if (System.IO.File.Exists(beside)) return beside;

        // .../src/Macula.Actors.Cli/bin/Release/net10.0: the same configuration and framework, another project.
        if (own.Parent is not { } configuration) return null;
        var build = Path.Combine("Macula.Actors.Node", "bin", configuration.Name, own.Name, File);
        for (var above = own.Parent; above is not null; above = above.Parent)
        {
            if (new[] { Path.Combine(above.FullName, build), Path.Combine(above.FullName, "src", build) }
                .FirstOrDefault(System.IO.File.Exists) is { } found)
                return found;
        }

        return null;
    }
}
