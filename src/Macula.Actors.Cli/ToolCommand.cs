using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Macula.Actors.Cli;

/// <summary>A command of the tool.</summary>
/// <param name="Command">Its arguments and options, described in a line.</param>
/// <param name="More">What its own help says below that: the details, and examples.</param>
/// <param name="RunAsync">What it does; returns the exit code.</param>
internal sealed record ToolCommand(
    Command Command, string More, Func<CommandRun, CancellationToken, Task<int>> RunAsync);

/// <summary>The usual help, and below it what a command has to say beside its options.</summary>
internal sealed class HelpWithMore(HelpAction usual, Func<Command, string> more) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var exitCode = usual.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine(more(parseResult.CommandResult.Command));
        output.WriteLine();
        output.WriteLine(ExitCode.Help);
        return exitCode;
    }
}
