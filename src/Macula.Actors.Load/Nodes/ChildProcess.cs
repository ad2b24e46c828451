using System.ComponentModel;
using System.Diagnostics;

namespace Macula.Actors.Load.Nodes;

/// <summary>A process that this one starts. The end of its standard error, where all of them log, is kept; its standard input
/// stays open as long as this process lives, which it does not outlive. Disposing kills it.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int MaxLines = 200;

    private readonly Process _process;
    private readonly Queue<string> _lines = new();
    private readonly EventHandler _killAtExit;
    private readonly Action<string>? _heard;

    private ChildProcess(Process process, Action<string>? heard)
    {
        (_process, _heard) = (process, heard);
        _killAtExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _killAtExit;
        process.OutputDataReceived += (_, _) => { }; // read, so that it does not wait for that
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Exited = process.WaitForExitAsync();
    }

    /// <summary>Starts what runs .NET programs: the one that runs this, if it is one.</summary>
    public static string DotNet { get; } =
        Environment.ProcessPath is { } own && Path.GetFileNameWithoutExtension(own) == "dotnet" ? own : "dotnet";

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Of a process that has exited.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Completes, never faults, when it has exited and all that it said was heard.</summary>
    public Task Exited { get; }

    /// <summary>The last 200 lines of its log.</summary>
    public string Said
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    /// <param name="program">Its path, or a name that is looked for in PATH.</param>
    /// <param name="heard">Gets each line of its log as it comes.</param>
    /// <exception cref="LoadException">It cannot be started.</exception>
    public static ChildProcess Start(string program, IEnumerable<string> arguments, Action<string>? heard = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return new ChildProcess(Process.Start(start)!, heard);
        }
        catch (Win32Exception error)
        {
            throw new LoadException($"cannot start {program}: {error.Message}");
        }
    }

    /// <summary>Waits until it is ready.</summary>
    /// <param name="isReady">Asked every 20 ms.</param>
    /// <param name="verb">What it does then, for messages: such as <c>listen</c>.</param>
    /// <exception cref="LoadException">It ended, or the patience is over; the message has the end of what it said.
    /// </exception>
    public async Task ReadyAsync(
        Func<CancellationToken, ValueTask<bool>> isReady, string name, string verb, TimeSpan patience,
        CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); !await isReady(cancellationToken).ConfigureAwait(false);)
        {
            if (HasExited)
            {
                await Exited.ConfigureAwait(false);
                throw new LoadException($"{name} ended with code {ExitCode}: {Said}");
            }

            if (Stopwatch.GetElapsedTime(started) > patience)
                throw new LoadException($"{name} did not {verb} within {patience.TotalSeconds} s: {Said}");
            await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _killAtExit;
        Kill();
        await Exited.ConfigureAwait(false);
        _process.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null) return;
        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > MaxLines) _lines.Dequeue();
        }

        _heard?.Invoke(line);
    }

    private void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }
}
