using System.CommandLine;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

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
        var job = (quick ? Job.ShortRun : Job.Default.WithMinIterationCount(5).WithMaxIterationCount(15))
            .WithToolchain(InProcessEmitToolchain.Instance);
        var config = ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddDiagnoser(BenchmarkDotNet.Diagnosers.MemoryDiagnoser.Default)
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
