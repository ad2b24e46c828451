using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Macula.Actors.Client;

namespace Macula.Actors.Cli;

/// <summary>A program that answers calls, one process each.</summary>
internal sealed class ServedProgram(
    string program, string[] args, TimeSpan timeout, int maxOutput, TimeProvider time)
{
    private const int MaxErrorText = 4096;

    /// <exception cref="UsageException">There is no such program.</exception>
    public void RequireThere()
    {
        var isPath = program.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal);
        var places = isPath
            ? [program]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(directory => Path.Combine(directory, program));
        if (OperatingSystem.IsWindows() || places.Any(IsExecutable)) return;

        throw new UsageException(isPath && File.Exists(program)
            ? $"--exec is '{program}', which is not executable; chmod +x {program}"
            : $"--exec is '{program}', which is not there; give a path or a program of $PATH");
    }

    /// <summary>The program's standard output.</summary>
    /// <exception cref="MaculaCallException">It failed, took too long or said too much.</exception>
    public async Task<ReadOnlyMemory<byte>> RunAsync(MaculaCall call, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using var process = Start(call);
        try
        {
            var writing = WriteAsync(process, call.Args, both.Token);
            var output = ReadAsync(process.StandardOutput.BaseStream, maxOutput, both.Token);
            var errors = ReadAsync(process.StandardError.BaseStream, MaxErrorText, both.Token);
            var (result, isWhole) = await output;
            if (!isWhole) throw Failed($"the program wrote more than {maxOutput} bytes");

            await process.WaitForExitAsync(both.Token);
            await writing;
            if (process.ExitCode == 0) return result;

            var (text, _) = await errors;
            throw Failed(FirstLine(text) ?? $"the program ended with exit code {process.ExitCode}");
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            throw new MaculaCallException(MaculaErrorCodes.Timeout, $"the program did not end within {timeout.TotalSeconds} s");
        }
        finally
        {
            Kill(process);
        }
    }

    private Process Start(MaculaCall call)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in args) start.ArgumentList.Add(argument);
        start.Environment["MACULA_PROCEDURE"] = call.Procedure;
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw Failed($"the program cannot be started: {error.Message}");
        }
    }

    private static async Task WriteAsync(Process process, ReadOnlyMemory<byte> args, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(args, cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // A program need not read its input.
        }
    }

    /// <summary>All there is, or the first bytes of it. What is beyond is read, so that the program
    /// does not wait, and dropped.</summary>
    private static async Task<(byte[] Bytes, bool IsWhole)> ReadAsync(
        Stream stream, int most, CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        var buffer = new byte[16 * 1024];
        var isWhole = true;
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            var room = (int)Math.Min(read, most - all.Length);
            all.Write(buffer, 0, room);
            isWhole &= room == read;
        }

        return (all.ToArray(), isWhole);
    }

    private static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception)
        {
            // It has just ended by itself.
        }
    }

    private static bool IsExecutable(string path) => File.Exists(path) && !OperatingSystem.IsWindows() &&
        (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0;

    private static string? FirstLine(byte[] text) => Encoding.UTF8.GetString(text)
        .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();

    private static MaculaCallException Failed(string message) => new(MaculaErrorCodes.HandlerError, message);
}
