using System.ComponentModel;
using System.Diagnostics;
using System.Threading.Channels;
using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>A program of others, and what it says on both its outputs, line by line. Disposing kills it.</summary>
internal class Peer : IAsyncDisposable
{
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _said = [];
    private readonly ITestOutputHelper _test;
    private readonly string _name;
    private readonly Process _process;
    private readonly Task _readers;

    /// <param name="test">Told of all that was said, at the end.</param>
    /// <param name="program">Found by PATH.</param>
    /// <param name="arguments">Passed as they are.</param>
    public Peer(ITestOutputHelper test, string program, params IEnumerable<string> arguments)
    {
        (_test, _name) = (test, program);
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            _process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException(
                $"{program} cannot be started ({e.Message}); './build.sh setup' installs what the tests need", e);
        }

        _readers = Task.WhenAll(Read(_process.StandardOutput), Read(_process.StandardError));
    }

    /// <summary>Waits for a line that contains this, and passes over those before it.</summary>
    public Task<string> Says(string text) => Says(text, line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Waits for a line that begins so, and passes over those before it.</summary>
    public Task<string> Tells(string start) => Says(start, line => line.StartsWith(start, StringComparison.Ordinal));

    public async Task Order(string line)
    {
        await _process.StandardInput.WriteLineAsync(line).WaitAsync(Pair.Patience);
        await _process.StandardInput.FlushAsync().WaitAsync(Pair.Patience);
    }

    /// <summary>SIGKILL: the other end hears nothing of it.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for its end and the exit code.</summary>
    public async Task<int> Ends()
    {
        await _process.WaitForExitAsync().WaitAsync(Pair.Patience);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Pair.Patience);
        await _readers.WaitAsync(Pair.Patience);
        _process.Dispose();
        _test.WriteLine($"---- {_name}\n{Said()}");
    }

    private async Task<string> Says(string text, Func<string, bool> isIt)
    {
        using var deadline = new CancellationTokenSource(Pair.Patience);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(deadline.Token))
            {
                if (isIt(line)) return line;
            }
        }
        catch (OperationCanceledException)
        {
            // Too late, as below.
        }

        throw new InvalidOperationException($"{_name} did not say '{text}'. It said:\n{Said()}");
    }

    private string Said()
    {
        lock (_said) return string.Join('\n', _said);
    }

    private async Task Read(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_said) _said.Add(line);
            _lines.Writer.TryWrite(line);
        }
    }
}
