using Macula.Actors.Hosting;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Compact;

namespace Macula.Actors.Node;

/// <summary>The log of the node: standard error, so that standard output stays readable.</summary>
internal static class NodeLog
{
    private const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    /// <param name="node">On every line, as <c>NodeId</c>: logs of many nodes end in one place.</param>
    /// <param name="realm">The same, as <c>Realm</c>.</param>
    public static Logger Create(NodeArguments arguments, string node, string realm)
    {
        // What frameworks say at Information is about themselves; their warnings are ours to see.
        var framework = arguments.LogLevel < LogEventLevel.Information ? arguments.LogLevel : LogEventLevel.Warning;
        var log = new LoggerConfiguration()
            .MinimumLevel.Is(arguments.LogLevel)
            .Enrich.WithProperty("NodeId", node)
            .Enrich.WithProperty("Realm", realm)
            .MinimumLevel.Override("Microsoft", framework)
            .Filter.ByExcluding(line => line.Exception is MaculaStartException) // NodeRun tells it in a sentence
            .Filter.ByExcluding(line => line.Level < framework && IsAkkasOwn(line));
        return arguments.LogFormat switch
        {
            LogFormat.Json => log.WriteTo
                .Console(new CompactJsonFormatter(), standardErrorFromLevel: LevelAlias.Minimum).CreateLogger(),
            _ => log.WriteTo
                .Console(outputTemplate: Template, formatProvider: null, standardErrorFromLevel: LevelAlias.Minimum)
                .CreateLogger(),
        };
    }

    // Akka logs all under one name; our actors are those below /user.
    private static bool IsAkkasOwn(LogEvent line) =>
        line.Properties.GetValueOrDefault("ActorPath") is ScalarValue { Value: string path }
        && !path.Contains("/user/", StringComparison.Ordinal);
}
