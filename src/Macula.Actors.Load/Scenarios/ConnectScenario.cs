using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>How fast clients get in, and what they cost when they are.</summary>
internal sealed class ConnectScenario : IScenario
{
    // A published figure for EMQX with 10,000 clients without TLS; NanoMQ's; and what the reference promised.
    private const double MostResident = 510e6, GoalResident = 320e6, DreamResident = 200e6;
    private const double GoalRate = 740, GoalEach = 25 * 1024;

    private const int All = 10_000, LeastOfAll = 20;

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    public string Name => "connect";

    public string Summary => "handshakes to 10,000 clients and 1,000 mesh peers: how many a second, memory for each, idle CPU";

    public IEnumerable<string> NodeSettings(LoadOptions options) =>
        ["macula.clients.max-clients=11000", $"macula.mesh.fingerprints={MeshPeers.Fingerprint}"];

    public int Clients(LoadOptions options) => ScenarioRun.Scaled(options, All, LeastOfAll);

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        int[] steps = [run.Size("first step", 1_000, 5), run.Size("second step", 5_000, 10), run.Size("third step", All, LeastOfAll)];
        var idle = run.Time("idle time", TimeSpan.FromSeconds(10));
        List<LoadClient> clients = [];
        try
        {
            await Crowd.EndAsync(await Crowd.ConnectAsync(run, "warm-up", steps[^1], Math.Min(200, steps[0]), cancellationToken)
                .ConfigureAwait(false)).ConfigureAwait(false);
            var before = await SettledAsync(run, cancellationToken).ConfigureAwait(false);
            var times = new Latencies();
            var (time, cpu) = (TimeSpan.Zero, 0.0);
            foreach (var step in steps)
            {
                var cpuBefore = (await run.Node.NowAsync(cancellationToken).ConfigureAwait(false)).CpuSeconds;
                var begun = Stopwatch.GetTimestamp();
                clients.AddRange(await Crowd.ConnectAsync(
                    run, $"to {step:N0}", clients.Count, step - clients.Count, cancellationToken, times).ConfigureAwait(false));
                time += Stopwatch.GetElapsedTime(begun);
                cpu += (await run.Node.NowAsync(cancellationToken).ConfigureAwait(false)).CpuSeconds - cpuBefore;
                var now = await SettledAsync(run, cancellationToken).ConfigureAwait(false);
                run.Figure($"resident memory with {step:N0} clients", now.Resident, "B");
                run.Figure($"of it for each of {step:N0}", (now.Resident - before.Resident) / (double)step, "B");
            }

            run.Latency($"connect, {Crowd.Width} at once", times);
            run.Figure("CPU of the node for each connection", cpu / clients.Count * 1e6, "us");
            var last = await run.ExpectAsync(
                "nobody is lost", TimeSpan.FromSeconds(5), cancellationToken,
                ("clients", before.Size("clients") + clients.Count)).ConfigureAwait(false);
            run.AtLeast("connections a second", GoalRate, clients.Count / time.TotalSeconds, "0", isGoal: true);
            if (run.IsFullSize)
                run.AtMost("bytes for each client", GoalEach, (last.Resident - before.Resident) / (double)clients.Count, "N0", isGoal: true);
            await IdleAsync(run, idle, "idle with clients alone", cancellationToken).ConfigureAwait(false);
            await MeshAsync(run, idle, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            run.Begin("all leave");
            await Crowd.EndAsync(clients).ConfigureAwait(false);
        }
    }

    // The promise is about both together.
    private static async Task MeshAsync(ScenarioRun run, TimeSpan idle, CancellationToken cancellationToken)
    {
        if (run.Own is null) return;
        var count = run.Size("mesh peers", 1_000, 10);
        var peers = await MeshPeers.StartAsync(run.Dial.Provider, cancellationToken).ConfigureAwait(false);
        await using var _ = peers.ConfigureAwait(false);
        var advertisers = await peers.AdvertiseAsync(run, count, cancellationToken).ConfigureAwait(false);
        try
        {
            var phase = run.Begin("mesh peers", count);
            var failed = 0;
            for (var number = 0; number < count; number++, phase.Add())
            {
                var reply = await advertisers[0].CallAsync(
                    MeshPeers.Procedure(number), "{}"u8.ToArray(), CallId.FromCounter((UInt128)number), cancellationToken)
                    .ConfigureAwait(false);
                if (!reply.IsSuccess) failed++;
            }

            run.Exactly("calls to mesh peers that failed", 0, failed);
            await run.ExpectAsync(
                "all mesh peers are connected", TimeSpan.FromSeconds(5), cancellationToken, ("mesh.connections", count))
                .ConfigureAwait(false);
            await IdleAsync(run, idle, "idle with mesh peers too", cancellationToken).ConfigureAwait(false);
            var resident = (await SettledAsync(run, cancellationToken).ConfigureAwait(false)).Resident;
            run.Figure("resident memory with clients and mesh peers", resident, "B");
            if (!run.IsFullSize || resident == 0) return;
            run.AtMost("bytes resident with all of them", MostResident, resident, "N0");
            run.AtMost("bytes resident with all of them, as NanoMQ", GoalResident, resident, "N0", isGoal: true);
            run.AtMost("bytes resident with all of them, as the reference promised", DreamResident, resident, "N0", isGoal: true);
        }
        finally
        {
            await Crowd.EndAsync(advertisers).ConfigureAwait(false);
        }
    }

    private static async Task IdleAsync(ScenarioRun run, TimeSpan time, string name, CancellationToken cancellationToken)
    {
        run.Begin(name, time);
        var before = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        run.Node.IsPaused = true;
        await Task.Delay(time, cancellationToken).ConfigureAwait(false);
        run.Node.IsPaused = false;
        var after = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        run.Figure($"CPU of the node, {name}", 100 * (after.CpuSeconds - before.CpuSeconds) / (after.At - before.At).TotalSeconds, "% of a core");
    }

    // What handshakes left behind is not what clients cost.
    private static async Task<NodeSample> SettledAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        run.Begin("settling", Settle);
        await Task.Delay(Settle, cancellationToken).ConfigureAwait(false);
        return await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
    }
}
