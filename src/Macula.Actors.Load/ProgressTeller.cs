using System.Diagnostics;
using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load;

/// <summary>Tells a screen, once a second, how far a scenario is.</summary>
internal static class ProgressTeller
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <param name="stop">Ends it; it does not throw.</param>
    public static async Task RunAsync(string scenario, ScenarioRun run, ILoadScreen screen, CancellationToken stop)
    {
        var (phase, count, at, cpu, sampled) = (run.Phase, 0L, Stopwatch.GetTimestamp(), 0.0, TimeSpan.Zero);
        var cores = 0.0;
        while (true)
        {
            try
            {
                await Task.Delay(Tick, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (run.Phase != phase) (phase, count) = (run.Phase, 0);
            var (now, total, last) = (Stopwatch.GetTimestamp(), phase.Count, run.Node.Last);
            if (last is not null && last.At - sampled > TimeSpan.Zero)
            {
                if (sampled > TimeSpan.Zero) cores = (last.CpuSeconds - cpu) / (last.At - sampled).TotalSeconds;
                (cpu, sampled) = (last.CpuSeconds, last.At);
            }

            screen.Progress(new LoadProgress(
                scenario, phase.Name, phase.Done, phase.Total, total,
                (total - count) / Stopwatch.GetElapsedTime(at, now).TotalSeconds, cores, last));
            (count, at) = (total, now);
        }
    }
}
