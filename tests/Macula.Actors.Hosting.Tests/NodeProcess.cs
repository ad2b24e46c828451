using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace Macula.Actors.Hosting.Tests;

/// <summary>The node as users start it: a process with arguments, output and an exit code.</summary>
internal sealed class NodeProcess : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly Task<string> _errors;

    public NodeProcess(params string[] arguments)
    {
        // What a script starts in the background ignores SIGINT, and so would all that it starts.
        var start = new ProcessStartInfo("env", ["--default-signal=INT,QUIT", "dotnet"])
        { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder.Path };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Macula.Actors.Node.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["MACULA_DATA_DIR"] = Path.Combine(_folder.Path, "data");
        start.Environment["MACULA_READY_FILE"] = ReadyFile;
        start.Environment["MACULA__CLUSTER__PORT"] = "0";
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = ReadErrorsAsync();
    }

    private string ReadyFile => Path.Combine(_folder.Path, "ready.json");

    public int Id => _process.Id;

    /// <summary>What the ready file says, once it is there.</summary>
    public async Task<JsonElement> ReadyAsync()
    {
        using var watcher = new FileSystemWatcher(_folder.Path) { EnableRaisingEvents = true };
        var isThere = new TaskCompletionSource();
        watcher.Renamed += (_, _) => isThere.TrySetResult();
        if (!File.Exists(ReadyFile))
            await Task.WhenAny(isThere.Task, _process.WaitForExitAsync()).WaitAsync(Deadline);
        Assert.True(File.Exists(ReadyFile), _process.HasExited ? await _errors : "no ready file");
        return JsonDocument.Parse(await File.ReadAllTextAsync(ReadyFile)).RootElement;
    }

    /// <summary>Waits until its log has a line with this text.</summary>
    public async Task LogsAsync(string text)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        await foreach (var line in _lines.Reader.ReadAllAsync(deadline.Token))
            if (line.Contains(text, StringComparison.Ordinal)) return;
        Assert.Fail($"It ended without a word of {text}.");
    }

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-s", name, $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public async Task<(int Code, string Output, string Errors)> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Deadline);
        return (_process.ExitCode, await _output.WaitAsync(Deadline), await _errors.WaitAsync(Deadline));
    }

    private async Task<string> ReadErrorsAsync()
    {
        var all = new StringBuilder();
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            all.AppendLine(line);
            _lines.Writer.TryWrite(line);
        }

        _lines.Writer.Complete();
        return all.ToString();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _folder.Dispose();
    }
}
