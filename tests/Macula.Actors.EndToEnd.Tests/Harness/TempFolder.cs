namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>A folder of a test, gone after it.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("macula-end-to-end-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
