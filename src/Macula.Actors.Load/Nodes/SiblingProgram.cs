namespace Macula.Actors.Load.Nodes;

/// <summary>Finds a program of this project that is started as a process.</summary>
internal static class SiblingProgram
{
    private static readonly string[] Folders = ["", "src", "tests"];

    /// <summary>Its path; null when there is none: beside this tool, or where a build of the source tree puts it.</summary>
    /// <param name="file">Such as <c>Macula.Actors.Node.dll</c>.</param>
    public static string? Find(string file)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var beside = Path.Combine(own.FullName, file);
        if (File.Exists(beside)) return beside;

        // .../src/Macula.Actors.Cli/bin/Release/net10.0: the same configuration and framework, another project.
        if (own.Parent is not { } configuration) return null;
        var build = Path.Combine(Path.GetFileNameWithoutExtension(file), "bin", configuration.Name, own.Name, file);
        for (var above = own.Parent; above is not null; above = above.Parent)
        {
            if (Folders.Select(each => Path.Combine(above.FullName, each, build)).FirstOrDefault(File.Exists) is { } found)
                return found;
        }

        return null;
    }
}
