using System.CommandLine;
using System.CommandLine.Parsing;
using Serilog.Events;

namespace Macula.Actors.Node;

/// <summary>The command line of the node.</summary>
internal sealed class NodeCommand
{
    private readonly RootCommand _root = new(
        """
        A Macula gateway node: publish, subscribe and calls over QUIC.

        Settings come from, the first that says something wins: the arguments here, environment variables such as
        MACULA__CLIENTS__MAX_CLIENTS=500 (for macula.clients.max-clients), the file given with --config, and
        hocon/reference.conf, which explains them all.

        Exit codes: 0 stopped in order (Ctrl-C, SIGTERM), 1 unexpected, 2 bad configuration, 3 cannot start.
        """);

    private readonly Option<string?> _config = new("--config")
    { Description = "A HOCON file with settings, such as hocon/node.conf.", HelpName = "file" };

    private readonly Option<string?> _realm = new("--realm")
    { Description = "The realm to serve (macula.realm).", HelpName = "name" };

    private readonly Option<int?> _port = new("--port")
    { Description = "Listen on this UDP port of all IPv4 addresses; 0 takes a free one.", HelpName = "n" };

    private readonly Option<string[]> _settings = new("-D")
    { Description = "Any setting, such as -D macula.rpc.call-timeout=10s; may be repeated.", HelpName = "key=value" };

    private readonly Option<LogFormat> _logFormat = new("--log-format")
    { Description = "How the log on standard error looks." };

    private readonly Option<LogEventLevel> _logLevel = new("--log-level")
    { Description = "The least that is logged.", DefaultValueFactory = _ => LogEventLevel.Information };

    private readonly Option<string?> _readyFile = new("--ready-file")
    {
        Description = "Write a line of JSON there once the node listens: addresses, fingerprint, realm, node id, " +
            "process id. Also MACULA_READY_FILE.",
        HelpName = "path",
    };

    private NodeCommand()
    {
        _port.Validators.Add(InPortRange);
        _settings.Validators.Add(HaveEquals);
        foreach (var option in (Option[])[_config, _realm, _port, _settings, _logFormat, _logLevel, _readyFile])
            _root.Options.Add(option);
    }

    public static NodeCommand Create(Func<NodeArguments, CancellationToken, Task<int>> run)
    {
        var command = new NodeCommand();
        command._root.SetAction((parsed, cancellation) => run(command.Arguments(parsed), cancellation));
        return command;
    }

    public async Task<int> InvokeAsync(string[] args)
    {
        var parsed = _root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) await Console.Error.WriteLineAsync($"macula node: {error.Message}");
            await Console.Error.WriteLineAsync("Try --help.");
            return ExitCode.BadConfiguration;
        }

        // Signals belong to the host, which closes the clients first.
        return await parsed.InvokeAsync(new InvocationConfiguration
        { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }

    private NodeArguments Arguments(ParseResult parsed) => new()
    {
        ConfigFile = parsed.GetValue(_config),
        Realm = parsed.GetValue(_realm),
        Port = parsed.GetValue(_port),
        Settings = parsed.GetValue(_settings) ?? [],
        LogFormat = parsed.GetValue(_logFormat),
        LogLevel = parsed.GetValue(_logLevel),
        ReadyFile = parsed.GetValue(_readyFile) ?? Environment.GetEnvironmentVariable("MACULA_READY_FILE"),
    };

    private static void InPortRange(OptionResult result)
    {
        if (result.Tokens is [{ Value: var text }] && !ushort.TryParse(text, out _))
            result.AddError($"--port is '{text}'; allowed: 0 to 65535");
    }

    private static void HaveEquals(OptionResult result)
    {
        foreach (var token in result.Tokens)
            if (token.Value.IndexOf('=', StringComparison.Ordinal) < 1)
                result.AddError($"-D is '{token.Value}'; allowed: key=value");
    }
}
