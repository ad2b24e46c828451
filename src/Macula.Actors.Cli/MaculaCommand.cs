using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Macula.Actors.Cli.Commands;

namespace Macula.Actors.Cli;

/// <summary>The command line of the tool.</summary>
internal static class MaculaCommand
{
    private const string Dashes = "--";

    private const string More =
        """
        Which gateways are trusted: with none of --fingerprint, --ca and --insecure, a gateway on this machine by its
        own certificate, found in $MACULA_DATA_DIR, $XDG_DATA_HOME/macula or ~/.local/share/macula; any other by the
        system's trust store.

        Examples:
          macula sub 'home.*.temp'
          macula pub home.kitchen.temp 21.5
          macula serve echo --exec cat
          macula call echo '"hello"'
        """;

    public static async Task<int> RunAsync(
        string[] args, CliHost host, CancellationToken cancellationToken = default)
    {
        var json = new Option<bool>("--json") { Description = "One JSON object a line.", Recursive = true };
        var quiet = new Option<bool>("--quiet", "-q")
        { Description = "No notices on standard error; errors still come.", Recursive = true };
        var connection = new ConnectionOptions();
        var root = new RootCommand("Talks to a Macula gateway: publish, subscribe, serve and call procedures.");
        root.Options.Add(json);
        root.Options.Add(quiet);
        connection.AddTo(root);
        ToolCommand[] commands =
        [
            SubCommand.Make(), PubCommand.Make(), ServeCommand.Make(), CallCommand.Make(), PingCommand.Make(),
            LoadCommand.Make(), LoadWorkerCommand.Make(),
        ];
        foreach (var each in commands)
        {
            root.Subcommands.Add(each.Command);
            each.Command.SetAction((parsed, token) => StartAsync(parsed, each.RunAsync, token));
        }

        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithMore(
            (HelpAction)help.Action!,
            command => Array.Find(commands, each => each.Command == command)?.More ?? More);

        var parsed = root.Parse(args);
        if (Fault(parsed) is { } fault)
        {
            var screen = new Screen(host, args.Contains("--json"), isQuiet: false);
            var name = parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ";
            screen.Failure("usage", $"{fault.TrimEnd('.')}. Try: macula {name}--help", ExitCode.Usage);
            return ExitCode.Usage;
        }

        return await parsed.InvokeAsync(
            new InvocationConfiguration
            {
                Output = host.Output,
                Error = host.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = host.SignalPatience,
            },
            cancellationToken);

        async Task<int> StartAsync(
            ParseResult result, Func<CommandRun, CancellationToken, Task<int>> run, CancellationToken token)
        {
            var screen = new Screen(host, result.GetValue(json), result.GetValue(quiet));
            try
            {
                var target = connection.Read(result, host);
                return await new CommandRun(host, screen, target, result).RunAsync(run, token);
            }
            catch (UsageException error)
            {
                screen.Failure("usage", error.Message, ExitCode.Usage);
                return ExitCode.Usage;
            }
        }
    }

    private static string? Fault(ParseResult parsed)
    {
        if (parsed.Action is HelpWithMore) return null;

        // An option that the command does not have would otherwise pass as an argument.
        var misspelt = parsed.Tokens
            .TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument &&
                token.Value.StartsWith(Dashes, StringComparison.Ordinal));
        if (misspelt is not null)
            return $"'{misspelt.Value}' is no option here; as an argument it has to come after {Dashes}";

        if (parsed.Errors.Count == 0) return null;
        return parsed.UnmatchedTokens is [var unknown, ..]
            ? $"'{unknown}' is not understood"
            : parsed.Errors[0].Message;
    }
}
