namespace Macula.Actors.Tests;

/// <summary>A folder with the files of a kernel, as a spec wants them; gone after the spec.</summary>
internal sealed class FakeRoot : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("macula-root-").FullName;

    public FakeRoot With(string name, params string[] lines)
    {
        var file = System.IO.Path.Join(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, string.Join('\n', lines) + "\n");
        return this;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
