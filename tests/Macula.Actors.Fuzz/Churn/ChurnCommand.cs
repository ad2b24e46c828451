using System.CommandLine;

namespace Macula.Actors.Fuzz.Churn;

/// <summary>The command line of a run.</summary>
internal static class ChurnCommand
{
    public static Command Create()
    {
        var handshakes = Count("--handshakes", 100_000, "Connections, 32 at once, each with a small echo.");
        var streams = Count("--streams", 1_000_000, "Streams over 64 connections, each with a small echo.");
        var command = new Command(
            "churn",
            "Short connections, then short streams, against a listener of the ngtcp2 provider in a process of its own. "
            + "Ends with 1 when one of them fails, or when the server's memory grows after the first 20 % of either.")
        { handshakes, streams };
        command.SetAction(async (parsed, stop) =>
        {
            var report = await ChurnRun.RunAsync(
                new ChurnOptions { Handshakes = parsed.GetValue(handshakes), Streams = parsed.GetValue(streams) },
                Console.WriteLine, stop);
            return report.Faults.Count == 0 ? 0 : 1;
        });
        return command;
    }

    private static Option<int> Count(string name, int usual, string what)
    {
        var option = new Option<int>(name)
        { DefaultValueFactory = _ => usual, Description = $"{what} {ChurnOptions.Least} to {ChurnOptions.Most}." };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var count and (< ChurnOptions.Least or > ChurnOptions.Most))
                result.AddError($"{name} is {count}; allowed: {ChurnOptions.Least} to {ChurnOptions.Most}");
        });
        return option;
    }
}
