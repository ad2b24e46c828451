using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Macula.Actors.Client;
using Macula.Actors.Load;
using Macula.Actors.Load.Wire;
using Macula.Actors.Transport;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula load</c>: does a node keep its promises under load.</summary>
internal static class LoadCommand
{
    private static readonly Argument<string[]> Scenarios = new("scenario")
    { Description = "Which ones, in that order; all without any.", Arity = ArgumentArity.ZeroOrMore };

    private static readonly Option<double> Scale = new("--scale")
    {
        Description = "Multiplies all sizes, 0.0001 to 1: 0.01 for a hundredth. Default 1.",
        HelpName = "n",
        DefaultValueFactory = _ => 1,
        CustomParser = ParseScale,
    };

    private static readonly Option<TimeSpan?> Time = new("--time")
    {
        Description = "How long each measured phase takes, such as 5s. Default: each scenario's own.",
        HelpName = "time",
        CustomParser = Durations.Parser("--time"),
    };

    private static readonly Option<int?> Runs = new("--runs")
    {
        Description = "How often peers takes each measure, 1 to 100; the median is told. Default 3.",
        HelpName = "n",
        CustomParser = WholeNumbers.Parser("--runs", 1, 100),
    };

    private static readonly Option<long> Seed = new("--seed")
    { Description = "Ids, order and choice: the same seed is the same run. Default 1.", HelpName = "n", DefaultValueFactory = _ => 1 };

    private static readonly Option<string?> Report = new("--report")
    { Description = "Write the report there, for programs: JSON with every table over time.", HelpName = "file" };

    private static readonly Option<string?> Html = new("--html")
    { Description = "The same for people: one page with charts.", HelpName = "file" };

    private static readonly Option<string?> NodeDll = new("--node-dll")
    { Description = "The node to start. Default: the Macula.Actors.Node.dll beside this tool.", HelpName = "file" };

    private static readonly Option<string[]> Settings = new("-D")
    { Description = "A setting of the node that is started; may be repeated.", HelpName = "key=value" };

    private static readonly string More =
        $"""
        Starts a node for each scenario, on a free port of loopback, unless --server or MACULA_SERVER names one; a node that
        is named is filled up and flooded, so do not name one that others need.

        Scenarios:
        {string.Join('\n', LoadScenarios.All.Select(each => $"  {each.Name,-11} {each.Summary}"))}

        The exit code is 0 when every promise was kept, 1 when one was broken or a scenario could not run to its end.

        Examples:
          macula load
          macula load clients streams --scale 0.1 --html report.html
          macula load soak --time 1h --report soak.json
        """;

    public static ToolCommand Make()
    {
        Scenarios.Validators.Add(AreKnown);
        Settings.Validators.Add(HaveEquals);
        var command = new Command("load", "Puts a node under load and says whether it keeps its promises.")
        { Scenarios, Scale, Time, Runs, Seed, Report, Html, NodeDll, Settings };
        return new ToolCommand(command, More, RunAsync);
    }

    private static async Task<int> RunAsync(CommandRun run, CancellationToken cancellationToken)
    {
        var scenarios = run.Value(Scenarios);
        var (file, page) = (Target(run.Value(Report), "--report"), Target(run.Value(Html), "--html"));
        try
        {
            var options = new LoadOptions
            {
                Scenarios = scenarios.Length > 0 ? scenarios : [.. LoadScenarios.All.Select(each => each.Name)],
                Scale = run.Value(Scale),
                Time = run.Value(Time),
                Runs = run.Value(Runs) ?? 3,
                Seed = run.Value(Seed),
                Target = run.Target.IsGiven ? Given(run.Target.Options) : null,
                NodeDll = run.Value(NodeDll),
                NodeSettings = run.Value(Settings) ?? [],
                Worker = [.. LoadWorkerCommand.Program()],
                Quic = run.Target.Options.ProviderName,
            };
            var report = await LoadRun.RunAsync(options, new LoadScreen(run.Screen, run.Host), cancellationToken);
            if (file is not null) await File.WriteAllTextAsync(file, report.ToJson(), cancellationToken);
            if (page is not null) await File.WriteAllTextAsync(page, report.ToHtml(), cancellationToken);
            return report.Passed ? ExitCode.Ok : ExitCode.Failure;
        }
        catch (Exception error) when (error is LoadException or QuicTransportException)
        {
            run.Screen.Failure("load", error.Message, ExitCode.Failure);
            return ExitCode.Failure;
        }
    }

    private static LoadTarget Given(MaculaClientOptions options)
    {
        // Each of a list is an address, which was checked; a list is none.
        return ServerAddress.TryParse(options.Server, out var endPoint)
            ? new LoadTarget(endPoint, options.Realm, options.Trust)
            : throw new UsageException($"--server is '{options.Server}'; a load has one node, such as 127.0.0.1:9443");
    }

    // Found out now, and not after an hour.
    private static string? Target(string? file, string option)
    {
        if (file is null) return null;
        try
        {
            var path = Path.GetFullPath(file);
            using (File.Open(path, FileMode.OpenOrCreate, FileAccess.Write)) return path;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"{option} is '{file}', which cannot be written: {error.Message}");
        }
    }

    private static double ParseScale(ArgumentResult result)
    {
        var text = result.Tokens is [{ Value: var value }] ? value : "";
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var scale)
            && scale is >= LoadOptions.LeastScale and <= 1)
            return scale;
        result.AddError(string.Create(
            CultureInfo.InvariantCulture, $"--scale is '{text}'; allowed: {LoadOptions.LeastScale} to 1, the full size"));
        return default;
    }

    private static void AreKnown(ArgumentResult result)
    {
        foreach (var token in result.Tokens)
        {
            if (LoadScenarios.All.Any(each => each.Name == token.Value)) continue;
            result.AddError(
                $"'{token.Value}' is no scenario; allowed: {string.Join(", ", LoadScenarios.All.Select(each => each.Name))}");
        }
    }

    private static void HaveEquals(OptionResult result)
    {
        foreach (var token in result.Tokens)
            if (token.Value.IndexOf('=', StringComparison.Ordinal) < 1)
                result.AddError($"-D is '{token.Value}'; allowed: key=value");
    }
}
