using System.CommandLine;
using Macula.Actors.Load.Workers;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula load-worker</c>: a process with clients, started and killed by <see cref="LoadCommand"/>.</summary>
internal static class LoadWorkerCommand
{
    private const string Name = "load-worker";

    public static ToolCommand Make() => new(
        new Command(Name, "Clients of macula load, in a process of their own.") { Hidden = true },
        "It reads what to do from standard input.",
        (run, cancellationToken) => LoadWorker.RunAsync(new StreamReader(run.Host.Input), run.Host.Output, cancellationToken));

    /// <summary>How this very program is started as one.</summary>
    public static IEnumerable<string> Program()
    {
        var (program, tool) = (Environment.ProcessPath!, typeof(LoadWorkerCommand).Assembly.Location);
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, tool, Name] : [program, Name];
    }
}
