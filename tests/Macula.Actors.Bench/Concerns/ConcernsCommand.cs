using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Macula.Actors.Bench.Concerns;

/// <summary>Each bounded concern of a node through its actor's mailbox, held against the reference.</summary>
internal static class ConcernsCommand
{
    public static Command Create()
    {
        var filter = new Argument<string>("filter")
        {
            Description = "Only benchmarks whose name contains this, such as clients.",
            DefaultValueFactory = _ => "",
        };
        var json = new Option<bool>("--json") { Description = "One JSON object a line instead of a table." };
        var runs = new Option<int>("--runs")
        { Description = "Runs of each; the medians are told. Default 5.", DefaultValueFactory = _ => 5 };
        var warmUp = new Option<double>("--warm-up")
        { Description = "Seconds of runs before those, at least one run. Default 3.", DefaultValueFactory = _ => 3 };
        var window = new Option<int>("--window")
        { Description = "Questions that wait for their answer at once. Default 64.", DefaultValueFactory = _ => 64 };
        var command = new Command("concerns", "Each concern's actor: operations a second, p50 and p99.")
        { filter, json, runs, warmUp, window };
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(filter)!, parsed.GetValue(json), Math.Max(1, parsed.GetValue(runs)),
            TimeSpan.FromSeconds(parsed.GetValue(warmUp)), Math.Max(1, parsed.GetValue(window))));
        return command;
    }

    private static async Task<int> RunAsync(string filter, bool json, int runs, TimeSpan warmUp, int window)
    {
        Benchmark[] all =
        [
            .. ClientBenchmarks.All, .. MeshBenchmarks.All, .. RegistryBenchmarks.All, .. RpcBenchmarks.All,
            .. FloorBenchmarks.All,
        ];
        if (!json)
        {
            Console.WriteLine("| benchmark | n | per second | p50 | p99 | CPU each | reference | of reference | goal |");
            Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        }

        foreach (var benchmark in all.Where(each => each.Name.Contains(filter, StringComparison.Ordinal)))
        {
            var samples = new List<Sample>();
            var start = Stopwatch.GetTimestamp();
            do await RunAsync(benchmark, window); // until the code is compiled for good, which takes time, not runs
            while (Stopwatch.GetElapsedTime(start) < warmUp);
            while (samples.Count < runs) samples.Add(await RunAsync(benchmark, window));

            var rate = Median(samples, sample => benchmark.N / sample.Time.TotalSeconds);
            var (p50, p99) = (Median(samples, sample => sample.P50.TotalMicroseconds),
                Median(samples, sample => sample.P99.TotalMicroseconds));
            var cpu = Median(samples, sample => sample.Cpu.TotalMicroseconds / benchmark.N);
            Console.WriteLine(json ? Json(benchmark, rate, p50, p99) : Row(benchmark, rate, p50, p99, cpu));
        }

        return 0;
    }

    private static async Task<Sample> RunAsync(Benchmark benchmark, int window)
    {
        await using var bed = new Bed { Window = window };
        return await benchmark.Run(bed);
    }

    private static double Median(List<Sample> samples, Func<Sample, double> value)
    {
        double[] sorted = [.. samples.Select(value).Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Json(Benchmark benchmark, double rate, double p50, double p99) => JsonSerializer.Serialize(new
    {
        name = benchmark.Name,
        n = benchmark.N,
        ops_per_s = Math.Round(rate),
        p50_us = Math.Round(p50, 1),
        p99_us = Math.Round(p99, 1),
    });

    private static string Row(Benchmark benchmark, double rate, double p50, double p99, double cpu) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {benchmark.Name} | {benchmark.N:N0} | {rate:N0} | {p50:N1} us | {p99:N1} us | {cpu:N2} us | {benchmark.Reference:N0} "
        + $"| {rate / benchmark.Reference:0.00} | {(benchmark.Reference is null ? "" : benchmark.Goal)} |");
}
