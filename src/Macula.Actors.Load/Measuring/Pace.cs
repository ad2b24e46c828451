using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Macula.Actors.Load.Measuring;

/// <summary>Runs an action at even distances, each told when it was due. One that is late delays nobody's due time.
/// </summary>
internal static class Pace
{
    private static readonly long SpinTicks = Stopwatch.Frequency / 50_000; // 20 us: below what a sleep resolves

    /// <summary>Runs on a thread of its own, since timers of the runtime are a millisecond coarse.</summary>
    /// <param name="rate">A second, above 0.</param>
    /// <param name="time">For so long.</param>
    /// <param name="action">Gets the due instant, from <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <returns>How often it ran.</returns>
    public static Task<long> RunAsync(
        double rate, TimeSpan time, Action<long> action, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        return Task.Factory.StartNew(
            () => Run(rate, time, action, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>The due instants of such a load, ticks after its start.</summary>
    internal static long Due(long number, double rate) => (long)(number / rate * Stopwatch.Frequency);

    /// <summary>How many there are in a time. Rounded: 0.29 s at 100 a second is 28.999... to a computer.</summary>
    internal static long Count(double rate, TimeSpan time) => (long)Math.Round(rate * time.TotalSeconds);

    private static long Run(double rate, TimeSpan time, Action<long> action, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var count = Count(rate, time);
        for (var number = 0L; number < count; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var due = start + Due(number, rate);
            WaitUntil(due);
            action(due);
        }

        return count;
    }

    private static void WaitUntil(long due)
    {
        while (due - Stopwatch.GetTimestamp() is > 0 and var left)
        {
            if (left <= SpinTicks) Thread.SpinWait(20);
            else Sleep(Stopwatch.GetElapsedTime(0, left - (SpinTicks / 2)));
        }
    }

    private static void Sleep(TimeSpan time)
    {
        if (!OperatingSystem.IsLinux())
        {
            Thread.Sleep(TimeSpan.FromMilliseconds(Math.Max(1, time.TotalMilliseconds)));
            return;
        }

        // Woken within some 60 us; Thread.Sleep takes whole milliseconds.
        var span = new Timespec { Seconds = (long)time.TotalSeconds, Nanoseconds = time.Ticks % TimeSpan.TicksPerSecond * 100 };
        _ = nanosleep(ref span, nint.Zero); // cut short by a signal: the loop above looks again
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int nanosleep(ref Timespec wanted, nint left);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
