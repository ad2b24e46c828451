using System.Diagnostics;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Wire;

/// <summary>A node as users run it: a process of its own, on a free port of loopback.</summary>
internal sealed class NodeProcess : INode
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly DirectoryInfo _directory;

    private NodeProcess(Process process, DirectoryInfo directory, JsonElement ready)
    {
        (_process, _directory) = (process, directory);
        EndPoint = IPEndPoint.Parse(ready.GetProperty("listening")[0].GetString()!);
        Trust = QuicTrust.Pinned(ready.GetProperty("fingerprint").GetString()!);
        Realm = ready.GetProperty("realm").GetString()!;
    }

    public IPEndPoint EndPoint { get; }

    public string Realm { get; }

    public QuicTrust Trust { get; }

    public static async Task<NodeProcess> StartAsync(string quic)
    {
        var dll = typeof(NodeProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(each => each.Key == "NodeDll").Value!;
        var directory = Directory.CreateTempSubdirectory("macula-bench-");
        var readyFile = Path.Combine(directory.FullName, "ready.json");
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                dll, "--ready-file", readyFile, "--log-level", "Warning",
                "-D", "macula.quic.listen=127.0.0.1:0", "-D", $"macula.quic.provider={quic}",
                "-D", "macula.cluster.port=0", "-D", $"macula.data-directory={directory.FullName}",
            },
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End(process);
        process.BeginOutputReadLine();
        return new NodeProcess(process, directory, await ReadyAsync(process, readyFile));
    }

    public Usage? Usage() => Wire.Usage.Of(_process);

    public ValueTask DisposeAsync()
    {
        End(_process);
        _process.Dispose();
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task<JsonElement> ReadyAsync(Process process, string file)
    {
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < StartTime; await Task.Delay(20))
        {
            if (File.Exists(file)) return JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(file));
            if (process.HasExited) throw new InvalidOperationException($"the node ended with code {process.ExitCode}");
        }

        throw new TimeoutException($"the node was not ready within {StartTime}");
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill();
            process.WaitForExit();
        }
        catch (InvalidOperationException)
        {
            // It has ended, or was disposed.
        }
    }
}
