using System.CommandLine;

namespace Macula.Actors.Bench.Wire;

/// <summary>Whole nodes over a real transport: rates, times, CPU and memory.</summary>
internal static class WireCommand
{
    public static Command Create()
    {
        var filter = new Argument<string>("filter")
        {
            Description = "Only scenarios whose name contains this, such as call.",
            DefaultValueFactory = _ => "",
        };
        var provider = new Option<string>("--provider")
        {
            Description = "ngtcp2: a node process. memory: the actors alone, in this process.",
            DefaultValueFactory = _ => "ngtcp2",
        };
        provider.AcceptOnlyFromAmong("ngtcp2", "memory");
        var inProcess = new Option<bool>("--in-process") { Description = "The node in this process, for profilers." };
        var seconds = Number("--seconds", 5, "How long each scenario is measured.");
        var runs = Number("--runs", 1, "How often; the medians are told.");
        var subscribers = Number("--subscribers", 1000, "Connections of the scenarios with many.");
        var size = Number("--size", 100, "Bytes of a payload, from 8.");
        var json = new Option<FileInfo?>("--json") { Description = "Write all figures of all runs there." };

        var command = new Command("wire", "Whole nodes: operations a second, p50 and p99.")
        { filter, provider, inProcess, seconds, runs, subscribers, size, json };
        command.SetAction((parsed, _) => RunAsync(new WireOptions
        {
            Filter = parsed.GetValue(filter)!,
            Provider = parsed.GetValue(provider)!,
            InProcess = parsed.GetValue(inProcess),
            Time = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            Runs = parsed.GetValue(runs),
            Subscribers = parsed.GetValue(subscribers),
            Size = Math.Max(8, parsed.GetValue(size)),
            Json = parsed.GetValue(json),
        }));
        return command;
    }

    private static async Task<int> RunAsync(WireOptions options)
    {
        var report = new Report(options);
        for (var run = 1; run <= options.Runs; run++)
        {
            // A fresh node per run, so that no run inherits the memory of another.
            await using var bed = await Bed.StartAsync(options);
            foreach (var scenario in Scenario.Matching(Scenario.All(bed, options), options.Filter))
            {
                Console.Error.WriteLine($"run {run} of {options.Runs}: {scenario.Name}");
                report.Add(scenario, await scenario.Run());
            }
        }

        Console.WriteLine(report.Table());
        if (options.Json is not null) await File.WriteAllTextAsync(options.Json.FullName, report.Json());
        return 0;
    }

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { Description = $"{description} Default {value}.", DefaultValueFactory = _ => value };
}
