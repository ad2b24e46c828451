using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace Macula.Actors.Fuzz;

/// <summary>A server in a process of its own, until this is disposed or our process ends.</summary>
/// <remarks>It writes where it listens, as <see cref="Announce"/> does, then a line for each that it is sent, and ends
/// with its standard input.</remarks>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private ServerProcess(Process process, Address address)
    {
        Process = process;
        EndPoint = IPEndPoint.Parse(address.EndPoint);
        Fingerprint = address.Fingerprint;
    }

    public Process Process { get; }

    public IPEndPoint EndPoint { get; }

    public string Fingerprint { get; }

    /// <summary>Started on the caller's thread, so in its network namespace; waits until it listens.</summary>
    /// <param name="assembly">Path of the program.</param>
    /// <param name="arguments">Passed as they are.</param>
    /// <exception cref="InvalidOperationException">It ended before it listened.</exception>
    public static ServerProcess Start(string assembly, params IEnumerable<string> arguments)
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", [assembly, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        if (process.StandardOutput.ReadLine() is { } line)
            return new ServerProcess(process, JsonSerializer.Deserialize<Address>(line)!);
        process.WaitForExit();
        var code = process.ExitCode;
        process.Dispose();
        throw new InvalidOperationException($"the server '{string.Join(' ', arguments)}' ended with code {code}");
    }

    /// <summary>Says in the server's process where it listens, and by what it is known.</summary>
    public static void Announce(IPEndPoint endPoint, string fingerprint) =>
        Console.WriteLine(JsonSerializer.Serialize(new Address(endPoint.ToString(), fingerprint)));

    /// <summary>Sends a line and returns the one that answers it.</summary>
    /// <exception cref="InvalidOperationException">The server has ended.</exception>
    /// <exception cref="TimeoutException">It did not answer within a minute.</exception>
    public async Task<string> AskAsync(string order)
    {
        await Process.StandardInput.WriteLineAsync(order);
        await Process.StandardInput.FlushAsync();
        return await Process.StandardOutput.ReadLineAsync().WaitAsync(Patience)
            ?? throw new InvalidOperationException($"the server ended when it was asked '{order}'");
    }

    public async ValueTask DisposeAsync()
    {
        Process.StandardInput.Close(); // its sign to end
        await Process.WaitForExitAsync().WaitAsync(Patience);
        Process.Dispose();
    }

    private sealed record Address(string EndPoint, string Fingerprint);
}
