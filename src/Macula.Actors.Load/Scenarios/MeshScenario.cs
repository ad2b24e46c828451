using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>More mesh peers than the node keeps connections to.</summary>
internal sealed class MeshScenario : IScenario
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => "mesh";

    public string Summary => "1,500 mesh peers, 1,000 places: never more, and the least recently used give way";

    public string NeedsOwnNode => "the node has to trust the certificate of the peers (macula.mesh.fingerprints)";

    public IEnumerable<string> NodeSettings(LoadOptions options) =>
    [
        $"macula.mesh.max-connections={ScenarioRun.Scaled(options, 1_000, 20)}",
        $"macula.mesh.fingerprints={MeshPeers.Fingerprint}",
    ];

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var before = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        var limit = (int)before.Tables["mesh.connections"].Limit;
        run.Fixed("places", limit);
        var count = run.Size("peers", 1_500, 30);
        var numbers = Enumerable.Range(0, count).ToDictionary(each => run.Seeded.Id(each, "peer"));
        await using var peers = await MeshPeers.StartAsync(run.Dial.Provider, cancellationToken).ConfigureAwait(false);
        var advertisers = await peers.AdvertiseAsync(run, count, cancellationToken).ConfigureAwait(false);
        var caller = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(0, "caller"), cancellationToken).ConfigureAwait(false);
        try
        {
            var (dialled, standing) = (new Latencies(), new Latencies());
            var model = new LruModel(limit);
            HashSet<int> evicted = [];
            UInt128 calls = 0;

            await CallAsync("the pool fills", Enumerable.Range(0, limit), dialled).ConfigureAwait(false);
            var full = await ExpectAsync("the pool is full").ConfigureAwait(false);
            if (full.Resident > 0) run.Figure("memory of the node for each peer", (full.Resident - before.Resident) / (double)limit, "B");
            await CallAsync("some are used again", run.Seeded.Choose(limit / 4, limit), standing).ConfigureAwait(false);
            await CallAsync("further ones come", Enumerable.Range(limit, count - limit), dialled).ConfigureAwait(false);

            run.Begin("evicted connections close", Patience);
            var after = await ExpectAsync("the pool is full and no fuller").ConfigureAwait(false);
            await UntilAsync(() => peers.Open.Count == limit && peers.Ended.Count == evicted.Count).ConfigureAwait(false);
            run.Exactly("open connections, as the peers see them", limit, peers.Open.Values.Sum());
            run.Exactly("evicted ones that the peers saw close with normal", evicted.Count,
                peers.Ended.Count(each => each.How is { ByPeer: true } && each.How.ErrorCode == DisconnectReason.Normal.Code()));
            run.Judge(
                "the least recently used gave way", $"those {ScenarioRun.Text(evicted.Count)} and no others",
                $"{ScenarioRun.Text(peers.Ended.Count(each => evicted.Contains(numbers[each.Peer])))} of them, " +
                $"{ScenarioRun.Text(peers.Ended.Count(each => !evicted.Contains(numbers[each.Peer])))} others",
                peers.Ended.Select(each => numbers[each.Peer]).ToHashSet().SetEquals(evicted));
            run.Exactly("as the node counts them", evicted.Count,
                after.Tables["mesh.connections"].Evicted - before.Tables["mesh.connections"].Evicted);
            run.Exactly("the most there ever were", limit, after.Tables["mesh.connections"].HighWater);
            Handles(run, full, after);

            var connections = peers.Connections;
            await CallAsync("those that stayed", model.Held.Order().ToList(), standing).ConfigureAwait(false);
            run.Exactly("dials for calls to those that stayed", 0, peers.Connections - connections);
            run.Latency("call that dials", dialled);
            run.Latency("call over a connection that stands", standing);

            // One after the other: the order of use is then the same at both ends.
            async Task CallAsync(string phase, IEnumerable<int> whom, Latencies times)
            {
                var all = whom.ToList();
                var counted = run.Begin(phase, all.Count);
                var failed = 0;
                foreach (var number in all)
                {
                    var begun = Stopwatch.GetTimestamp();
                    var reply = await caller.CallAsync(
                        MeshPeers.Procedure(number), "{}"u8.ToArray(), CallId.FromCounter(++calls), cancellationToken)
                        .ConfigureAwait(false);
                    times.RecordSince(begun);
                    if (!reply.IsSuccess) failed++;
                    if (model.Use(number) is { } gone) evicted.Add(gone);
                    counted.Add();
                }

                run.Exactly($"{phase}: calls that failed", 0, failed);
            }
        }
        finally
        {
            await Crowd.EndAsync([.. advertisers, caller]).ConfigureAwait(false);
        }

        Task<NodeSample> ExpectAsync(string name) =>
            run.ExpectAsync(name, Patience, cancellationToken, ("mesh.connections", limit), ("mesh.dials", 0));

        async Task UntilAsync(Func<bool> isSo)
        {
            for (var begun = Stopwatch.GetTimestamp(); !isSo() && Stopwatch.GetElapsedTime(begun) < Patience;)
                await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        }
    }

    // All connections share the node's sockets, so what the operating system can show is that none of them is left open.
    private static void Handles(ScenarioRun run, NodeSample full, NodeSample after)
    {
        if (full.Kernel is { } then && after.Kernel is { } now)
            run.Exactly("UDP sockets of the node, as the kernel counts them, after as before the evictions", then.Sockets, now.Sockets);
        if (full.Memory is { } held && after.Memory is { } holds)
            run.Judge(
                "open handles of the node, after as before the evictions", $"at most {held.Handles + 8}",
                $"{holds.Handles}", holds.Handles <= held.Handles + 8);
    }
}
