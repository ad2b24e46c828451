using System.Text.Json;
using Macula.Actors.EndToEnd.Worker;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>A process with many clients; see Macula.Actors.EndToEnd.Worker.</summary>
internal sealed class WorkerProcess(ITestOutputHelper test, string work, string name, WorkOrder order)
    : ChildProcess(test, name, "dotnet", [Repository.Worker, work, order.ToJson()])
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public async Task TellAsync(string command)
    {
        await Input.WriteLineAsync(command);
        await Input.FlushAsync();
    }

    /// <summary>Reads up to the event; what comes before it goes to <paramref name="before"/>.</summary>
    public async Task<JsonElement> UntilAsync(string name, Action<JsonElement>? before = null)
    {
        while (true)
        {
            using var document = JsonDocument.Parse(await ReadLineAsync(Patience));
            var line = document.RootElement.Clone();
            if (line.GetProperty("Event").GetString() == name) return line;
            before?.Invoke(line);
        }
    }
}
