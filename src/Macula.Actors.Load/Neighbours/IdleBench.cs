using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Neighbours;

/// <summary>What idle connections cost: memory when they have connected, and the rate of others once each has subscribed
/// to a topic of its own.</summary>
internal sealed class IdleBench(Bed bed, IReadOnlyList<int> memoryAt, IReadOnlyList<int> rateAt, int runs, int warmUps)
{
    public const string Memory = "server memory an idle connection", Rate = "one to one";

    private const int FirstOnes = 100;
    private const int Batch = 32, Batches = 16; // small, so that a server at some hundred a second still comes to its end

    /// <summary>The name of a rate.</summary>
    public static string RateAmong(int idle) => $"{Rate} among {idle:N0} idle subscribers";

    /// <summary>The name of a memory figure.</summary>
    public static string MemoryAt(int connections) => $"{Memory} ({connections:N0})";

    public async Task RunAsync(TimeSpan time, Tell tell, CancellationToken cancellationToken)
    {
        // What the first connections load and compile is not theirs.
        var first = Math.Min(FirstOnes, memoryAt.Max());
        await Crowd.EndAsync(await IdleClients.ConnectAsync(bed, first, cancellationToken).ConfigureAwait(false))
            .ConfigureAwait(false);
        List<INeighbourClient> idle = [];
        try
        {
            await RememberAsync(idle, tell, cancellationToken).ConfigureAwait(false);
            await GrowAsync(idle, rateAt.Max(), cancellationToken).ConfigureAwait(false);
            await IdleClients.SubscribeAsync(idle, i => $"load.idle.{i}", cancellationToken).ConfigureAwait(false);
            var bench = await PublishBench.OpenAsync(bed, "slope", 1, Batch, Batches, cancellationToken).ConfigureAwait(false);
            await using var closing = bench.ConfigureAwait(false);
            await WarmUp.RunAsync(bench, time, warmUps, cancellationToken).ConfigureAwait(false);
            foreach (var level in rateAt.OrderDescending())
            {
                await Crowd.EndAsync(idle.Skip(level)).ConfigureAwait(false);
                idle.RemoveRange(level, idle.Count - level);
                await bed.QuietAsync(cancellationToken).ConfigureAwait(false);
                for (var run = 0; run < runs; run++)
                    await bench.RunAsync(
                        time, (measure, value, unit) =>
                        {
                            if (measure == "slope") tell(RateAmong(level), value, unit);
                        },
                        cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            await Crowd.EndAsync(idle).ConfigureAwait(false);
        }
    }

    private async Task RememberAsync(List<INeighbourClient> idle, Tell tell, CancellationToken cancellationToken)
    {
        await bed.QuietAsync(cancellationToken).ConfigureAwait(false);
        var before = bed.Kernel.Resident;
        foreach (var level in memoryAt)
        {
            await GrowAsync(idle, level, cancellationToken).ConfigureAwait(false);
            await bed.QuietAsync(cancellationToken).ConfigureAwait(false);
            tell(MemoryAt(level), (bed.Kernel.Resident - before) / (double)level, "B");
        }
    }

    private async Task GrowAsync(List<INeighbourClient> idle, int count, CancellationToken cancellationToken) =>
        idle.AddRange(await IdleClients.ConnectAsync(bed, Math.Max(0, count - idle.Count), cancellationToken)
            .ConfigureAwait(false));
}
