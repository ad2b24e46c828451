using System.Diagnostics;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Macula.Actors.Bench.Wire;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Quic;

/// <summary>A <see cref="ServerCommand"/> in a process of its own.</summary>
internal sealed class ServerProcess : INode
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private ServerProcess(Process process, JsonElement ready)
    {
        _process = process;
        EndPoint = IPEndPoint.Parse(ready.GetProperty("endPoint").GetString()!);
        Fingerprint = ready.GetProperty("fingerprint").GetString()!;
    }

    public IPEndPoint EndPoint { get; }

    public string Fingerprint { get; }

    public string Realm => "";

    public QuicTrust Trust => QuicTrust.Pinned(Fingerprint);

    /// <summary>Started on the caller's thread, so in its network namespace.</summary>
    public static ServerProcess Start(string kind, Windows windows, int loops = 1)
    {
        var process = Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Assembly.GetExecutingAssembly().Location, ServerCommand.Name, kind, $"{windows.Stream}",
                $"{windows.Connection}", $"{loops}",
            },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"the {kind} server ended");
        return new ServerProcess(process, JsonSerializer.Deserialize<JsonElement>(line));
    }

    public Usage? Usage() => Wire.Usage.Of(_process);

    /// <summary>The server's resident set once it has given back what it can, bytes.</summary>
    public async Task<long> SettledMemoryAsync()
    {
        await _process.StandardInput.WriteLineAsync("settle");
        await _process.StandardInput.FlushAsync();
        var answer = await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience);
        if (answer != "settled") throw new InvalidOperationException($"the server answered '{answer}'");
        return Wire.Usage.Of(_process).Memory;
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close(); // its sign to end
        await _process.WaitForExitAsync().WaitAsync(Patience);
        _process.Dispose();
    }
}
