using Macula.Actors.Hosting;
using Serilog.Events;

namespace Macula.Actors.Node;

/// <summary>What was said on the command line.</summary>
internal sealed record NodeArguments
{
    public string? ConfigFile { get; init; }
    public string? Realm { get; init; }
    public int? Port { get; init; }

    /// <summary>Each <c>key=value</c>.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    public LogFormat LogFormat { get; init; }
    public LogEventLevel LogLevel { get; init; } = LogEventLevel.Information;
    public string? ReadyFile { get; init; }

    /// <summary>The command line has the authority of code: it wins over the environment.</summary>
    public MaculaOptions ToOptions()
    {
        var options = new MaculaOptions { ConfigFile = ConfigFile };
        foreach (var setting in Settings)
        {
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            options.Set(setting[..equals].Trim(), setting[(equals + 1)..].Trim());
        }

        if (Realm is not null) options.Realm = Realm;
        if (Port is not null) options.Listen = $"0.0.0.0:{Port}";
        if (LogLevel < LogEventLevel.Information) options.Set("akka.loglevel", "DEBUG");
        return options;
    }
}

/// <summary>How a log line looks.</summary>
internal enum LogFormat
{
    Text,

    /// <summary>A JSON object a line, in Serilog's compact form.</summary>
    Json,
}
