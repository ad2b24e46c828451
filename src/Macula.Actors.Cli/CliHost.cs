using System.Collections;
using System.Text;
using Macula.Actors.Transport;
using Microsoft.Win32.SafeHandles;

namespace Macula.Actors.Cli;

/// <summary>What the tool touches of the world, so that specs can stand in for it.</summary>
internal sealed record CliHost
{
    private const int StandardOutput = 1;

    public required Stream Input { get; init; }

    public required TextWriter Output { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Whether a person reads <see cref="Output"/>.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>Whether a person reads <see cref="Error"/>.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Columns of the terminal that shows <see cref="Error"/>, now; 0 when that cannot be told.</summary>
    public Func<int> ErrorWidth { get; init; } = () => 0;

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The QUIC to use instead of what the machine has.</summary>
    public IQuicProvider? Provider { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long a command may take to end after Ctrl-C; null: signals are not handled.
    /// </summary>
    public TimeSpan? SignalPatience { get; init; }

    /// <summary>The process itself.</summary>
    public static CliHost ForProcess() => new()
    {
        Input = Console.OpenStandardInput(),
        Output = ProcessOutput(),
        Error = Console.Error,
        OutputIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        ErrorWidth = Width,
        Environment = System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? ""),
        SignalPatience = TimeSpan.FromSeconds(5),
    };

    // Console.Out drops what a pipe's reader no longer takes, and a command such as sub would never end.
    private static TextWriter ProcessOutput()
    {
        if (OperatingSystem.IsWindows() || !Console.IsOutputRedirected) return Console.Out;

        FileStream output;
        try
        {
            output = new FileStream(
                new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Console.Out; // there is no standard output
        }

        // A file has no reader; its place is shared with other programs, and a FileStream keeps its own.
        return output.CanSeek
            ? Console.Out
            : TextWriter.Synchronized(
                new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true });
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth;
        }
        catch (Exception error) when (error is IOException or PlatformNotSupportedException)
        {
            return 0;
        }
    }

    /// <summary>A variable that is set and not empty.</summary>
    public string? Variable(string name) =>
        Environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
}
