using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Macula.Actors.Testing;

namespace Macula.Actors.Cli.Tests;

/// <summary>One run of the tool inside the test process, against a fake gateway.</summary>
internal sealed class Tool : IAsyncDisposable
{
    private readonly CancellationTokenSource _interrupt = new();
    private readonly Lines _output = new();
    private readonly Lines _error = new();

    private Tool(FakeGateway gateway, string[] args, string input, Dictionary<string, string> environment)
    {
        var host = new CliHost
        {
            Input = new MemoryStream(Encoding.UTF8.GetBytes(input)),
            Output = _output,
            Error = _error,
            Environment = environment,
            Provider = gateway.Provider,
        };
        Exit = MaculaCommand.RunAsync(args, host, _interrupt.Token);
    }

    /// <summary>The exit code, when the tool has ended.</summary>
    public Task<int> Exit { get; }

    public string Output => _output.ToString();

    public string Error => _error.ToString();

    /// <summary>Starts the tool with the gateway's address, any certificate trusted.</summary>
    public static Tool Start(FakeGateway gateway, params string[] args) => Start(gateway, args, "");

    public static Tool Start(FakeGateway gateway, string[] args, string input) =>
        new(gateway, [.. args, "--server", gateway.Address, "--insecure"], input, []);

    /// <summary>Starts the tool with nothing added.</summary>
    public static Tool StartBare(FakeGateway gateway, string[] args, Dictionary<string, string>? environment = null) =>
        new(gateway, args, "", environment ?? []);

    public Task<int> EndAsync() => Exit.WaitAsync(FakeGateway.Patience);

    /// <summary>The next line of standard output.</summary>
    public Task<string> LineAsync() => _output.NextAsync();

    /// <summary>The next line of standard error.</summary>
    public Task<string> ErrorLineAsync() => _error.NextAsync();

    public async Task<JsonElement> JsonLineAsync()
    {
        using var document = JsonDocument.Parse(await LineAsync());
        return document.RootElement.Clone();
    }

    public Task InterruptAsync() => _interrupt.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await _interrupt.CancelAsync();
        await Exit.WaitAsync(FakeGateway.Patience);
        _interrupt.Dispose();
        await _output.DisposeAsync();
        await _error.DisposeAsync();
    }

    /// <summary>Keeps all that is written, and hands it out line by line.</summary>
    private sealed class Lines : StringWriter
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
        private readonly StringBuilder _line = new();

        public Task<string> NextAsync() => _lines.Reader.ReadAsync().AsTask().WaitAsync(FakeGateway.Patience);

        public override void Write(char value)
        {
            base.Write(value);
            Take(value);
        }

        public override void Write(char[] buffer, int index, int count)
        {
            base.Write(buffer, index, count);
            foreach (var letter in buffer.AsSpan(index, count)) Take(letter);
        }

        public override void Write(string? value)
        {
            base.Write(value);
            foreach (var letter in value ?? "") Take(letter);
        }

        public override void WriteLine(string? value) => Write(value + "\n");

        private void Take(char letter)
        {
            if (letter == '\n')
            {
                _lines.Writer.TryWrite(_line.ToString().TrimEnd('\r'));
                _line.Clear();
            }
            else
            {
                _line.Append(letter);
            }
        }
    }
}
