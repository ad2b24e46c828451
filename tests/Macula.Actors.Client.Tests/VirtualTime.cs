using System.Diagnostics;
using Macula.Actors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Client.Tests;

internal static class VirtualTime
{
    private static readonly TimeSpan DefaultStep = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(1);

    /// <summary>Lets time pass in steps until the task is done, and says how much passed.</summary>
    /// <remarks>A step takes a real millisecond, so that what it sets off can happen before the
    /// next: virtual time must not outrun the thread pool. Upper bounds on what passed need room
    /// for a slow machine.</remarks>
    public static async Task<TimeSpan> PassUntilAsync(this FakeTimeProvider time, Task task, TimeSpan? step = null)
    {
        var start = time.GetUtcNow();
        var patience = Stopwatch.StartNew();
        var last = TimeSpan.Zero;
        while (!task.IsCompleted)
        {
            await Task.Yield();
            if (patience.Elapsed - last < Pace) continue;

            last = patience.Elapsed;
            if (last > FakeGateway.Patience)
                throw new TimeoutException($"not done after {time.GetUtcNow() - start} of virtual time");
            time.Advance(step ?? DefaultStep);
        }

        return time.GetUtcNow() - start;
    }
}
