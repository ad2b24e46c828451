namespace Macula.Actors.Memory;

/// <summary>Files that the kernel answers from memory.</summary>
internal static class KernelFile
{
    /// <returns>Null when it is not there or not for us.</returns>
    public static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static string[] Lines(string path) =>
        Read(path)?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];
}
