using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A server that somebody else wrote, as a process on a free port of loopback. Disposing kills it.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int MaxLogLines = 50;

    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;
    private readonly Queue<string> _log = new();
    private readonly EventHandler _killAtExit;

    private ServerProcess(Process process, IPEndPoint endPoint)
    {
        (_process, EndPoint) = (process, endPoint);
        _killAtExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _killAtExit;
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Pid => _process.Id;

    public IPEndPoint EndPoint { get; }

    /// <summary>The end of what it logged.</summary>
    public string Said
    {
        get
        {
            lock (_log) return string.Join('\n', _log);
        }
    }

    /// <summary>Where a program is; null when it is not installed. Servers lie where only administrators look.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Concat(["/usr/sbin", "/usr/local/sbin"])
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    /// <summary>Starts it and waits until it takes connections.</summary>
    /// <param name="arguments">Get the port.</param>
    /// <exception cref="LoadException">It does not; the message has the end of what it said.</exception>
    public static async Task<ServerProcess> StartAsync(
        string program, Func<int, IEnumerable<string>> arguments, CancellationToken cancellationToken)
    {
        var endPoint = FreeEndPoint();
        var start = new ProcessStartInfo(program, arguments(endPoint.Port))
        {
            RedirectStandardInput = true, // stays open as long as this process lives
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var server = new ServerProcess(Process.Start(start)!, endPoint);
        try
        {
            await server.ListeningAsync(cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _killAtExit;
        Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
    }

    // mosquitto cannot choose one itself; that somebody takes it meanwhile shows in what the server says.
    private static IPEndPoint FreeEndPoint()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)probe.LocalEndPoint!;
    }

    private async Task ListeningAsync(CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(Poll, cancellationToken).ConfigureAwait(false))
        {
            if (_process.HasExited)
                throw new LoadException($"{_process.StartInfo.FileName} ended with code {_process.ExitCode}: {Said}");
            if (Stopwatch.GetElapsedTime(started) > StartTime)
                throw new LoadException(
                    $"{_process.StartInfo.FileName} did not listen on {EndPoint} within {StartTime.TotalSeconds} s: {Said}");
            try
            {
                using var socket = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(EndPoint, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
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
