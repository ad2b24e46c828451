using System.Text.Json;
using System.Threading.Channels;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>The talk with the test: JSON lines out, commands in.</summary>
public sealed class TestLines
{
    private readonly Channel<string> _commands = Channel.CreateUnbounded<string>();
    private readonly Lock _gate = new();

    public TestLines() => InputEnded = Task.Run(ReadAsync);

    /// <summary>Completes when the test closes our input, or is gone.</summary>
    public Task InputEnded { get; }

    public void Say(object line)
    {
        var text = JsonSerializer.Serialize(line);
        lock (_gate) Console.Out.WriteLine(text);
    }

    /// <summary>Waits for the next command, which must be this one.</summary>
    public async Task ExpectAsync(string command)
    {
        var next = await _commands.Reader.ReadAsync();
        if (next != command) throw new InvalidOperationException($"expected the command {command}, got {next}");
    }

    private async Task ReadAsync()
    {
        while (await Console.In.ReadLineAsync() is { } line) _commands.Writer.TryWrite(line);
    }
}
