using System.CommandLine;
using Macula.Actors.Client;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula serve</c>: offers a procedure that a program answers.</summary>
internal static class ServeCommand
{
    private static readonly Argument<string> Procedure = new("procedure") { Description = "The name to offer." };

    private static readonly Argument<string[]> ProgramArgs = new("program-args")
    { Description = "Arguments of the program, after --.", Arity = ArgumentArity.ZeroOrMore };

    private static readonly Option<string> Exec = new("--exec")
    {
        Description = "The program that answers each call: arguments of the call on its standard input, " +
            "its standard output is the result.",
        HelpName = "program",
        Required = true,
    };

    private static readonly Option<TimeSpan?> ExecTimeout = new("--exec-timeout")
    {
        Description = "A program that runs longer is killed; its caller gets timeout. Default 30s.",
        HelpName = "time",
        CustomParser = Durations.Parser("--exec-timeout"),
    };

    private static readonly Option<int?> Concurrency = new("--concurrency")
    {
        Description = "Calls at once; more are answered overloaded. Default 8.",
        HelpName = "n",
        CustomParser = WholeNumbers.Parser("--concurrency", 1),
    };

    private const string More =
        """
        Each call runs the program once: the arguments of the call on its standard input, its standard output is the
        result. When it ends with another exit code than 0, the caller gets handler_error with the first line of its
        standard error. The program finds the procedure's name in MACULA_PROCEDURE. After Ctrl-C programs that run have 2
        seconds; then they are killed, and their callers get provider_gone.

        Examples:
          macula serve echo --exec cat
          macula serve math.add --exec jq -- -c add
          macula serve report --exec ./report.sh --exec-timeout 2m --concurrency 2
        """;

    // What is left of the host's patience after a signal is for the goodbye.
    private static readonly TimeSpan LastRunTime = TimeSpan.FromSeconds(2);

    // A little longer, so that the answers of killed programs still go out.
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2.5);

    public static ToolCommand Make()
    {
        var command = new Command("serve", "Offers a procedure until Ctrl-C; a program answers the calls.")
        { Procedure, ProgramArgs, Exec, ExecTimeout, Concurrency };
        command.Validators.Add(result =>
        {
            if (result.GetValue(Exec) is "") result.AddError("--exec is empty; it names a program.");
            if (result.GetValue(Procedure) is "") result.AddError("The procedure's name is empty.");
        });
        return new ToolCommand(command, More, RunAsync);
    }

    private static async Task<int> RunAsync(CommandRun run, CancellationToken cancellationToken)
    {
        var procedure = run.Value(Procedure);
        var program = new ServedProgram(
            run.Value(Exec), run.Value(ProgramArgs), run.Value(ExecTimeout) ?? TimeSpan.FromSeconds(30), run.Target.Options.MaxFrameSize, run.Host.Time);
        program.RequireThere();

        using var killing = new CancellationTokenSource(Timeout.InfiniteTimeSpan, run.Host.Time);
        await using var ending = cancellationToken.Register(() => killing.CancelAfter(LastRunTime));
        await using var client = await run.ConnectAsync(
            options => options with { CallTimeout = CallTimeout }, cancellationToken);
        await using var offer = await client.AdvertiseAsync(
            procedure, AnswerAsync, new MaculaAdvertiseOptions { MaxConcurrency = run.Value(Concurrency) ?? 8 }, cancellationToken);
        run.Screen.Notice($"serving {procedure} at {run.Target.Options.Server}; Ctrl-C ends");
        await client.Closed.WaitAsync(cancellationToken);
        throw client.CloseReason ?? throw new InvalidOperationException("nobody else closes the client");

        async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(MaculaCall call, CancellationToken token)
        {
            var start = run.Host.Time.GetTimestamp();
            var code = "cancelled";
            using var either = CancellationTokenSource.CreateLinkedTokenSource(token, killing.Token);
            try
            {
                var result = await program.RunAsync(call, either.Token);
                code = "ok";
                return result;
            }
            catch (OperationCanceledException) when (killing.IsCancellationRequested)
            {
                code = MaculaErrorCodes.ProviderGone;
                throw new MaculaCallException(code, "the provider was stopped before its program ended");
            }
            catch (MaculaCallException error)
            {
                code = error.Code;
                throw;
            }
            finally
            {
                var took = run.Host.Time.GetElapsedTime(start);
                if (!run.Screen.IsQuiet)
                    run.Screen.Labelled(procedure, $"{code} {Screen.Milliseconds(took, " ms")}", json =>
                    {
                        json.WriteString("procedure", procedure);
                        json.WriteString("outcome", code);
                        json.WriteNumber("duration_ms", Screen.Milliseconds(took));
                    });
            }
        }
    }
}
