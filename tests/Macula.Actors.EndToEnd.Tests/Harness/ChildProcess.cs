using System.Diagnostics;
using System.Threading.Channels;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>A process of a test: its lines as they come, its signals, its end. Disposing kills it.</summary>
internal class ChildProcess : IAsyncDisposable
{
    private const int LongestLine = 300; // of the log; tests see all of it

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Channel<string> _output = Channel.CreateUnbounded<string>();
    private readonly Channel<string> _notices = Channel.CreateUnbounded<string>();
    private readonly List<string> _log = [];
    private readonly List<string> _errors = [];
    private readonly ITestOutputHelper _test;
    private readonly string _name;
    private readonly Process _process;
    private readonly Task _readers;

    /// <param name="test">Told of the whole output when the process is disposed.</param>
    /// <param name="name">For the log.</param>
    /// <param name="program">Found by PATH.</param>
    /// <param name="arguments">Passed as they are.</param>
    /// <param name="environment">Added to our own.</param>
    public ChildProcess(
        ITestOutputHelper test, string name, string program, IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        (_test, _name) = (test, name);
        // A background shell makes its children deaf to Ctrl-C; env gives them their ears back, and becomes the program.
        var start = new ProcessStartInfo("env", ["--default-signal=INT,TERM", program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>()) start.Environment[key] = value;
        _process = Process.Start(start)!;
        Id = _process.Id;
        _readers = Task.WhenAll(
            Task.Run(() => ReadAsync(_process.StandardOutput, isError: false)),
            Task.Run(() => ReadAsync(_process.StandardError, isError: true)));
    }

    public int Id { get; }

    public bool HasExited => _process.HasExited;

    /// <summary>Standard error so far.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (_log) return [.. _errors];
        }
    }

    public StreamWriter Input => _process.StandardInput;

    /// <summary>The next line of standard output.</summary>
    public Task<string> ReadLineAsync(TimeSpan? patience = null) => NextAsync(_output.Reader, patience);

    /// <summary>Waits for a line of standard error that starts so.</summary>
    public async Task<string> ReadNoticeAsync(string start)
    {
        while (true)
        {
            var line = await NextAsync(_notices.Reader, patience: null);
            if (line.StartsWith(start, StringComparison.Ordinal)) return line;
        }
    }

    /// <summary>Standard output from here to its end.</summary>
    public async Task<IReadOnlyList<string>> ReadToEndAsync()
    {
        await ExitAsync();
        List<string> lines = [];
        while (_output.Reader.TryRead(out var line)) lines.Add(line);
        return lines;
    }

    public void Send(Signal signal) => Signals.Send(Id, signal);

    /// <summary>Waits for the end and its exit code.</summary>
    public async Task<int> ExitAsync(TimeSpan? patience = null)
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(patience ?? Patience);
            await _readers.WaitAsync(Patience);
            return _process.ExitCode;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{_name} does not end. It said:\n{Said()}");
        }
    }

    public async Task<int> StopAsync(Signal signal)
    {
        Send(signal);
        return await ExitAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await ExitAsync();
        _process.Dispose();
        _test.WriteLine($"---- {_name} ({Id})\n{Said()}");
    }

    /// <summary>Everything that it said, both outputs.</summary>
    protected string Said()
    {
        lock (_log) return string.Join('\n', _log);
    }

    private async Task<string> NextAsync(ChannelReader<string> lines, TimeSpan? patience)
    {
        try
        {
            using var deadline = new CancellationTokenSource(patience ?? Patience);
            return await lines.ReadAsync(deadline.Token);
        }
        catch (ChannelClosedException)
        {
            throw new InvalidOperationException($"{_name} ended its output. It said:\n{Said()}");
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_name} said nothing more. It said:\n{Said()}");
        }
    }

    private async Task ReadAsync(StreamReader reader, bool isError)
    {
        var lines = (isError ? _notices : _output).Writer;
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_log)
            {
                _log.Add(line.Length > LongestLine ? string.Concat(line.AsSpan(0, LongestLine), " ...") : line);
                if (isError) _errors.Add(line);
            }

            lines.TryWrite(line);
        }

        lines.TryComplete();
    }
}
