using System.CommandLine;
using Macula.Actors.Client;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula ping</c>: is the gateway there, and how far away.</summary>
internal static class PingCommand
{
    private static readonly Option<int?> Count = new("--count", "-n")
    { Description = "How many. Default 4.", HelpName = "n", CustomParser = WholeNumbers.Parser("--count", 1) };

    private static readonly Option<TimeSpan?> Interval = new("--interval", "-i")
    {
        Description = "Time between two, such as 200ms. Default 1s.",
        HelpName = "time",
        CustomParser = Durations.Parser("--interval"),
    };

    private static readonly Option<TimeSpan?> Timeout = new("--timeout", "-t")
    {
        Description = "How long to wait for each answer. Default 5s.",
        HelpName = "time",
        CustomParser = Durations.Parser("--timeout"),
    };

    private const string More =
        """
        With no answer at all the exit code is 5, with some missing it is 1.

        Examples:
          macula ping
          macula ping --count 1 --timeout 500ms --quiet && echo up
        """;

    public static ToolCommand Make()
    {
        var command = new Command("ping", "Connects, and measures the time to the gateway and back.")
        { Count, Interval, Timeout };
        return new ToolCommand(command, More, RunAsync);
    }

    private static async Task<int> RunAsync(CommandRun run, CancellationToken cancellationToken)
    {
        var count = run.Value(Count) ?? 4;
        var start = run.Host.Time.GetTimestamp();
        await using var client = await run.ConnectAsync(
            options => options with { CallTimeout = run.Value(Timeout) ?? options.CallTimeout }, cancellationToken);
        run.Screen.Notice(
            $"connected to {run.Target.Options.Server} in {Screen.Milliseconds(run.Host.Time.GetElapsedTime(start), " ms")}");

        var times = new List<TimeSpan>();
        for (var i = 1; i <= count; i++)
        {
            if (await PingAsync(run, client, i, cancellationToken) is { } time) times.Add(time);
            if (i < count) await Task.Delay(run.Value(Interval) ?? TimeSpan.FromSeconds(1), run.Host.Time, cancellationToken);
        }

        if (times.Count > 0)
            run.Screen.Notice(
                $"{times.Count} of {count} answered, least {Screen.Milliseconds(times.Min(), " ms")}, " +
                $"most {Screen.Milliseconds(times.Max(), " ms")}");
        return times.Count == count ? ExitCode.Ok : times.Count > 0 ? ExitCode.Failure : ExitCode.TimedOut;
    }

    private static async Task<TimeSpan?> PingAsync(
        CommandRun run, MaculaClient client, int number, CancellationToken cancellationToken)
    {
        try
        {
            var time = await client.PingAsync(cancellationToken);
            run.Screen.Result(
                $"{run.Target.Options.Server}: {number} {Screen.Milliseconds(time, " ms")}",
                json =>
                {
                    json.WriteNumber("ping", number);
                    json.WriteNumber("ms", Screen.Milliseconds(time));
                });
            return time;
        }
        catch (MaculaConnectionException error) when (
            error.Code is MaculaErrorCodes.Timeout or MaculaErrorCodes.NotConnected)
        {
            run.Screen.Failure(error.Code, $"{run.Target.Options.Server}: {number} {error.Message}", ExitCode.TimedOut);
            return null;
        }
    }
}
