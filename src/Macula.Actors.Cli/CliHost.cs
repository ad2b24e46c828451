using System.Collections;
using Macula.Actors.Transport;

namespace Macula.Actors.Cli;

/// <summary>What the tool touches of the world, so that specs can stand in for it.</summary>
internal sealed record CliHost
{
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
        Output = Console.Out,
        Error = Console.Error,
        OutputIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        ErrorWidth = Width,
        Environment = System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? ""),
        SignalPatience = TimeSpan.FromSeconds(5),
    };

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
