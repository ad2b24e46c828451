namespace Macula.Actors.Load.Nodes;

/// <summary>Finds the program of the node.</summary>
public static class NodeProgram
{
    /// <summary>Its path; null when there is none: beside this tool, or where a build of the source tree puts it.</summary>
    public static string? Find() => SiblingProgram.Find("Macula.Actors.Node.dll");
}
