using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load.Wire;

/// <summary>Many clients.</summary>
internal static class Crowd
{
    /// <summary>How many connect, ping or leave at once.</summary>
    public const int Width = 64;

    /// <summary>Connects clients with the ids <paramref name="first"/> and on, a bounded number at once.</summary>
    /// <param name="times">Gets how long each took from the beginning of its handshake until it was admitted.</param>
    public static async Task<LoadClient[]> ConnectAsync(
        ScenarioRun run, string phase, int first, int count, CancellationToken cancellationToken, Latencies? times = null)
    {
        var counted = run.Begin(phase, count);
        return await GatherAsync(count, Width, async (i, stop) =>
        {
            var begun = Stopwatch.GetTimestamp();
            var client = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(first + i), stop).ConfigureAwait(false);
            times?.RecordSince(begun);
            counted.Add();
            return client;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Connects clients of any kind, <paramref name="width"/> at once; when one fails, all are let go.</summary>
    public static async Task<T[]> GatherAsync<T>(
        int count, int width, Func<int, CancellationToken, Task<T>> connect, CancellationToken cancellationToken)
        where T : class, IClient
    {
        var clients = new T[count];
        try
        {
            await EachAsync(
                count, width, async (i, stop) => clients[i] = await connect(i, stop).ConfigureAwait(false), cancellationToken)
                .ConfigureAwait(false);
            return clients;
        }
        catch
        {
            await EndAsync(clients).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Each has its PONG, or is counted as lost.</summary>
    /// <returns>How many were lost.</returns>
    public static async Task<int> PingAsync(
        ScenarioRun run, string phase, IReadOnlyList<LoadClient> clients, Latencies times, CancellationToken cancellationToken)
    {
        var counted = run.Begin(phase, clients.Count);
        var lost = 0;
        await EachAsync(clients.Count, Width, async (i, stop) =>
        {
            var begun = Stopwatch.GetTimestamp();
            try
            {
                await clients[i].SettleAsync(stop).ConfigureAwait(false);
                times.RecordSince(begun);
            }
            catch (Exception error) when (RefusedException.Covers(error))
            {
                Interlocked.Increment(ref lost);
            }

            counted.Add();
        }, cancellationToken).ConfigureAwait(false);
        return lost;
    }

    /// <summary>Lets all go at once.</summary>
    public static async Task EndAsync(IEnumerable<IClient?> clients)
    {
        foreach (var client in clients)
        {
            if (client is null) continue;
            client.Die();
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    public static Task EachAsync(
        int count, int width, Func<int, CancellationToken, ValueTask> work, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            Enumerable.Range(0, count),
            new ParallelOptions { MaxDegreeOfParallelism = width, CancellationToken = cancellationToken }, work);
}
