using System.Runtime;
using Microsoft.Extensions.Hosting;
using Serilog;

namespace Macula.Actors.Node;

/// <summary>Gives back what a burst has left behind, such as the handshakes of ten thousand clients: once the process is calm,
/// and has grown since the last time. A collection of all, which takes some 0.1 s where there are 10,000 clients, so only
/// then.</summary>
internal sealed class MemoryReturn(MemoryReturn.IReadings readings, TimeProvider time, ILogger log) : BackgroundService
{
    /// <summary>Between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Bytes. More than the youngest generation may take: it fills again in any case.</summary>
    public const long LeastGrowth = 48 << 20;

    /// <summary>Of a core, since the last look.</summary>
    private const double Calm = 0.25;

    private long _least = long.MaxValue;
    private TimeSpan _processorTime;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ticks = new PeriodicTimer(Interval, time);
        try
        {
            while (await ticks.WaitForNextTickAsync(stoppingToken)) Look();
        }
        catch (OperationCanceledException)
        {
            // The node stops, or could not start: that is told elsewhere.
        }
    }

    /// <summary>One look.</summary>
    internal void Look()
    {
        var (before, used) = (readings.Resident, readings.ProcessorTime);
        var isCalm = used - _processorTime < Calm * Interval;
        (_processorTime, _least) = (used, Math.Min(_least, before));
        if (!isCalm || before - _least < LeastGrowth) return;
        readings.GiveBack();
        _least = readings.Resident;
        log.Debug("Gave back {Bytes} bytes of memory that was not needed any more", before - _least);
    }

    /// <summary>What it looks at, and what it does.</summary>
    internal interface IReadings
    {
        /// <summary>Bytes.</summary>
        long Resident { get; }

        TimeSpan ProcessorTime { get; }

        void GiveBack();
    }

    /// <summary>This process.</summary>
    internal sealed class Process : IReadings
    {
        public long Resident => Environment.WorkingSet;

        public TimeSpan ProcessorTime => Environment.CpuUsage.TotalTime;

        public void GiveBack()
        {
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            NativeHeap.Trim();
        }
    }
}
