using System.CommandLine;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Macula.Actors.Bench.Codec;

/// <summary>Nanoseconds and bytes of code that runs per message, measured by BenchmarkDotNet.</summary>
internal static class CodecCommand
{
    public static Command Create()
    {
        var filter = new Argument<string>("filter")
        {
            Description = "Only benchmarks whose name contains this, such as Publish; * is any text.",
            DefaultValueFactory = _ => "*",
        };
        var quick = new Option<bool>("--quick") { Description = "Fewer iterations: a first look." };
        var command = new Command("codec", "Code: ns and bytes per message.") { filter, quick };
        command.SetAction(parsed => Run(parsed.GetValue(filter)!, parsed.GetValue(quick)));
        return command;
    }

    private static int Run(string filter, bool quick)
    {
        // In this process: a build per benchmark would take longer than the measurements.
        // The median of many short iterations: on a machine that others use too, a mean tells of them.
        var job = (quick ? Job.Default.WithWarmupCount(3).WithIterationCount(9) : Job.Default.WithIterationCount(25))
            .WithIterationTime(TimeInterval.FromMilliseconds(100))
            .WithToolchain(InProcessEmitToolchain.Instance);
        var config = ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params)
            .AddColumn(StatisticColumn.Median, StatisticColumn.Min, StatisticColumn.StdDev)
            .AddColumnProvider(DefaultColumnProviders.Metrics)
            .AddDiagnoser(new MemoryDiagnoser(new MemoryDiagnoserConfig(displayGenColumns: false)))
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub)
            .WithOptions(ConfigOptions.JoinSummary | ConfigOptions.DisableLogFile);
        var pattern = filter.Contains('*', StringComparison.Ordinal) ? filter : $"*{filter}*";
        var summaries = BenchmarkSwitcher
            .FromTypes([typeof(Decode), typeof(Encode), typeof(Frames), typeof(Topics), typeof(Structures)])
            .Run(["--filter", pattern], config)
            .ToList();
        return summaries.Count > 0 && summaries.TrueForAll(each => !each.HasCriticalValidationErrors) ? 0 : 1;
    }
}
