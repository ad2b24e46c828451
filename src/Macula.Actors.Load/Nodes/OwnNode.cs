using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Macula.Actors.Load.Wire;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Nodes;

/// <summary>A node that the tool starts: a process of its own, on a free port of loopback. Disposing ends it.</summary>
internal sealed class OwnNode : IAsyncDisposable
{
    private const int MaxLogLines = 200;

    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(1); // on a busy machine

    private readonly Process _process;
    private readonly DirectoryInfo _directory;
    private readonly Queue<string> _log = new();
    private readonly EventHandler _killAtExit;

    private OwnNode(Process process, DirectoryInfo directory)
    {
        (_process, _directory) = (process, directory);
        _killAtExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _killAtExit;
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public int Pid => _process.Id;

    public LoadTarget Target { get; private set; } = null!;

    public bool HasExited => _process.HasExited;

    /// <summary>Lines of its log that say that a human must look, at most the last 200.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (_log) return [.. _log.Where(line => line.Contains(" ERR ") || line.Contains(" FTL "))];
        }
    }

    /// <exception cref="LoadException">It cannot be started; the message has the end of its log.</exception>
    public static async Task<OwnNode> StartAsync(
        string dll, string quic, IEnumerable<string> settings, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("macula-load-");
        var ready = Path.Combine(directory.FullName, "ready.json");
        string[] own =
        [
            "macula.quic.listen=127.0.0.1:0", $"macula.quic.provider={quic}", "macula.cluster.port=0",
            $"macula.data-directory={directory.FullName}",
        ];
        string[] all = [dll, "--ready-file", ready, "--log-level", "Warning"];
        var start = new ProcessStartInfo("dotnet", [.. all, .. own.Concat(settings).SelectMany(each => (string[])["-D", each])])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var node = new OwnNode(Process.Start(start)!, directory);
        try
        {
            await node.ReadyAsync(ready, cancellationToken).ConfigureAwait(false);
            return node;
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _killAtExit;
        Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task ReadyAsync(string file, CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); !File.Exists(file);)
        {
            if (_process.HasExited)
                throw new LoadException($"the node ended with code {_process.ExitCode}: {Said()}");
            if (Stopwatch.GetElapsedTime(started) > StartTime)
                throw new LoadException($"the node did not listen within {StartTime.TotalSeconds} s: {Said()}");
            await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        }

        using var told = JsonDocument.Parse(await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false));
        Target = new LoadTarget(
            IPEndPoint.Parse(told.RootElement.GetProperty("listening")[0].GetString()!),
            told.RootElement.GetProperty("realm").GetString()!,
            QuicTrust.Pinned(told.RootElement.GetProperty("fingerprint").GetString()!));
    }

    private void Log(string? line)
    {
        if (line is null) return;
        lock (_log)
        {
            _log.Enqueue(line);
            if (_log.Count > MaxLogLines) _log.Dequeue();
        }
    }

    private string Said()
    {
        lock (_log) return string.Join('\n', _log);
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
