using System.CommandLine;
using Macula.Actors.Client;

namespace Macula.Actors.Cli;

/// <summary>One run of a command: its screen, its connection, and how its end becomes an exit code.
/// </summary>
internal sealed class CommandRun(CliHost host, Screen screen, Target target, ParseResult parsed)
{
    private const int BrokenPipe = 32;

    public CliHost Host { get; } = host;

    public Screen Screen { get; } = screen;

    public Target Target { get; } = target;

    public T Value<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    public T Value<T>(Option<T> option) => parsed.GetValue(option)!;

    /// <exception cref="MaculaException">No.</exception>
    public async Task<MaculaClient> ConnectAsync(
        Func<MaculaClientOptions, MaculaClientOptions>? configure, CancellationToken cancellationToken)
    {
        var options = configure?.Invoke(Target.Options) ?? Target.Options;
        var client = await Screen.WaitingAsync(
            $"connecting to {options.Server}", () => MaculaClient.ConnectAsync(options, cancellationToken));
        client.StateChanged += (_, change) =>
        {
            if (change.State == MaculaClientState.Reconnecting)
                Screen.Notice($"connection lost ({change.Reason?.Message}); connecting again");
            else if (change.State == MaculaClientState.Connected)
                Screen.Notice("connected again");
        };
        return client;
    }

    /// <summary>Runs a command; whatever ends it becomes one line and an exit code.</summary>
    public async Task<int> RunAsync(
        Func<CommandRun, CancellationToken, Task<int>> run, CancellationToken cancellationToken)
    {
        try
        {
            return await run(this, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (MaculaException error)
        {
            var exitCode = ExitCode.Of(error);
            Screen.Failure(error.Code, Advice.For(error, Target), exitCode);
            return exitCode;
        }
        catch (UsageException error)
        {
            Screen.Failure("usage", error.Message, ExitCode.Usage);
            return ExitCode.Usage;
        }
        catch (IOException error) when ((error.HResult & 0xffff) == BrokenPipe)
        {
            return ExitCode.Ok; // the reader, such as head, has had enough
        }
    }
}
