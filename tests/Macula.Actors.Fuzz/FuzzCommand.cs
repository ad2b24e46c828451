using System.CommandLine;
using System.Globalization;
using Macula.Actors.Fuzz.Churn;

namespace Macula.Actors.Fuzz;

/// <summary>The command line of a run.</summary>
internal static class FuzzCommand
{
    public static RootCommand Create()
    {
        var time = new Option<string>("--time")
        { DefaultValueFactory = _ => "2m", Description = "How long: 90s, 2m, 1h." };
        var seed = new Option<int>("--seed")
        { DefaultValueFactory = _ => Random.Shared.Next(), Description = "Of what is random; told at the start." };
        var growth = new Option<int>("--growth")
        { DefaultValueFactory = _ => 256, Description = "MiB that the process may grow by after its warm-up." };
        var rate = new Option<int>("--rate")
        { DefaultValueFactory = _ => 2000, Description = "Hostile packets a second, from 1." };
        rate.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 and var value) result.AddError($"--rate is '{value}'; allowed from 1");
        });
        var loops = new Option<int>("--loops")
        { DefaultValueFactory = _ => 1, Description = "Loops of the listener, 0 to 64." };
        var command = new RootCommand(
            "Hostile packets and a bad network against a QUIC listener of the ngtcp2 provider, beside honest clients. "
            + "Ends with 1 when one of these fails, or when memory grows too far.")
        { time, seed, growth, rate, loops, ChurnCommand.Create(), ChurnServer.Create() };
        command.SetAction(async (parsed, stop) =>
        {
            if (ParseTime(parsed.GetValue(time)!) is not { } duration)
            {
                await Console.Error.WriteLineAsync(
                    $"--time is '{parsed.GetValue(time)}'; allowed: a number and s, m or h, such as 90s or 1h");
                return 2;
            }

            var options = new FuzzOptions
            {
                Time = duration,
                Seed = parsed.GetValue(seed),
                Growth = (long)parsed.GetValue(growth) << 20,
                Loops = parsed.GetValue(loops),
                Rate = parsed.GetValue(rate),
            };
            var report = await FuzzRun.RunAsync(options, Console.WriteLine, stop);
            return report.Faults.Count == 0 ? 0 : 1;
        });
        return command;
    }

    /// <summary>Null when it is no time.</summary>
    internal static TimeSpan? ParseTime(string text)
    {
        if (text.Length < 2
            || !int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
            return null;
        return text[^1] switch
        {
            's' => TimeSpan.FromSeconds(number),
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            _ => null,
        };
    }
}
