using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Services that are renewed, abandoned and withdrawn; the node's table against the truth.</summary>
internal sealed class ServicesScenario : IScenario
{
    private const double RenewedShare = 0.6, AbandonedShare = 0.25; // the others are withdrawn

    // How long a frame may be on its way on a busy machine: nothing is asserted about a service so shortly after.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Reading = TimeSpan.FromMilliseconds(250);

    // Of the table of a node that is started; one that is given is thought to have the default, 60 s.
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UsualSweep = TimeSpan.FromSeconds(60);

    public string Name => "services";

    public string Summary => "services advertised, renewed, abandoned, withdrawn: the table holds the truth, then nothing";

    public IEnumerable<string> NodeSettings(LoadOptions options) =>
        // Without the guard, which would keep services that end together findable for longer than their time to live.
        [$"macula.registry.cleanup-interval={Sweep.TotalSeconds}s", "macula.registry.mass-expiry-guard=off"];

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var providers = run.Size("providers", 100, 4);
        var each = run.Size("services of each", 100, 5);
        var time = run.Time("time", TimeSpan.FromSeconds(60));
        var ttl = TimeSpan.FromSeconds(Math.Clamp(Math.Floor(time.TotalSeconds / 4), 3, 15));
        run.Fixed("time to live, seconds", (int)ttl.TotalSeconds);
        var sweep = run.Own is null ? 2 * UsualSweep : Sweep; // with the guard they may stay for one more
        var before = (await run.Node.NowAsync(cancellationToken).ConfigureAwait(false)).Size("registry.services");
        var leases = Plan(run.Seeded, providers * each, time, ttl);

        var clients = await Crowd.ConnectAsync(run, "providers connect", 0, providers, cancellationToken).ConfigureAwait(false);
        try
        {
            var asker = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(0, "asker"), cancellationToken).ConfigureAwait(false);
            await using var _ = asker.ConfigureAwait(false);
            var check = new Check(run, leases, before, sweep, asker);
            var phase = run.Begin("advertise, renew, abandon, withdraw", time + ttl + sweep);
            var start = run.Node.Elapsed;
            var checking = check.RunAsync(start, time + ttl + sweep + Slack, cancellationToken);
            await ActAsync(run, leases, clients, start, time, phase, cancellationToken).ConfigureAwait(false);
            await checking.ConfigureAwait(false);
            check.Judge();
            // All have ended by now, though their clients are still connected.
            await run.ExpectAsync("no service is left", sweep + Slack, cancellationToken, ("registry.services", before), ("registry.bytes", 0))
                .ConfigureAwait(false);
            run.Figure("services advertised, renewed or withdrawn", phase.Count);
        }
        finally
        {
            await Crowd.EndAsync(clients).ConfigureAwait(false);
        }
    }

    /// <summary>The same seed gives the same.</summary>
    internal static Lease[] Plan(Seeded seeded, int count, TimeSpan time, TimeSpan ttl)
    {
        var random = seeded.Random;
        var leases = new Lease[count];
        for (var number = 0; number < count; number++)
        {
            var share = random.NextDouble();
            var fate = share < RenewedShare ? Fate.Renewed
                : share < RenewedShare + AbandonedShare ? Fate.Abandoned
                : Fate.Withdrawn;
            var at = random.NextDouble() * 0.2 * time;
            var until = fate == Fate.Renewed ? time : at + (random.NextDouble() * (time - at));
            leases[number] = new Lease(number, fate, at, until, ttl);
        }

        return leases;
    }

    private static Utf8Text Procedure(int number) => $"load.services.{number}";

    private static async Task ActAsync(
        ScenarioRun run, Lease[] leases, LoadClient[] clients, TimeSpan start, TimeSpan time, Phase phase,
        CancellationToken cancellationToken)
    {
        var queue = new PriorityQueue<Lease, TimeSpan>();
        foreach (var lease in leases) queue.Enqueue(lease, lease.Due!.Value);
        HashSet<LoadClient> written = [];
        while (queue.Count > 0 && run.Node.Elapsed - start is var now && now < time + Slack)
        {
            while (queue.TryPeek(out var lease, out var due) && due <= now)
            {
                queue.Dequeue();
                var client = clients[lease.Number % clients.Length];
                int ttl;
                lock (leases) ttl = lease.Act(run.Node.Elapsed - start);
                client.Write(Services.Store(Procedure(lease.Number), client.Id, "https://127.0.0.1:9443", ttl));
                written.Add(client);
                if (lease.Due is { } next) queue.Enqueue(lease, next);
                phase.Add();
            }

            foreach (var client in written) await client.FlushAsync().ConfigureAwait(false);
            written.Clear();
            await Task.Delay(Step, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Holds the table and what is found against the truth.</summary>
    private sealed class Check(ScenarioRun run, Lease[] leases, long before, TimeSpan sweep, LoadClient asker)
    {
        private readonly Latencies _lookups = new();
        private int _readings, _wrongReadings, _found, _lost, _missed, _ghosts;
        private string? _firstWrong;

        public async Task RunAsync(TimeSpan start, TimeSpan time, CancellationToken cancellationToken)
        {
            var random = new Random(run.Seeded.Random.Next());
            while (run.Node.Elapsed - start is var from && from < time)
            {
                var size = (await run.Node.NowAsync(cancellationToken).ConfigureAwait(false)).Size("registry.services") - before;
                var to = run.Node.Elapsed - start;
                Compare(size, from, to);
                while (run.Node.Elapsed - start - from < Reading)
                    await LookUpAsync(leases[random.Next(leases.Length)], start, cancellationToken).ConfigureAwait(false);
            }
        }

        public void Judge()
        {
            run.Judge(
                "the table is as large as the truth, in every reading", $"all of {_readings}",
                _firstWrong is null ? "all" : $"{_wrongReadings} are not, such as {_firstWrong}", _firstWrong is null);
            run.Judge(
                "who advertises is found, each time", $"all of {_found + _lost}", $"{_found}", _lost == 0 && _found > 0);
            run.Judge(
                "who withdrew, or was silent too long, is not", $"none of {_missed + _ghosts}", $"{_ghosts}",
                _ghosts == 0 && _missed > 0);
            run.Latency("lookup", _lookups);
        }

        private void Compare(long size, TimeSpan from, TimeSpan to)
        {
            long least, most;
            lock (leases)
            {
                least = leases.Count(each => each.IsSurelyThere(from, to, Slack));
                most = leases.Count(each => each.MayBeHeld(from, Slack, sweep));
            }

            _readings++;
            if (size >= least && size <= most) return;
            _wrongReadings++;
            _firstWrong ??= $"{size} where there are {least} to {most}, at {ScenarioRun.Text(from)}";
        }

        private async Task LookUpAsync(Lease lease, TimeSpan start, CancellationToken cancellationToken)
        {
            var from = run.Node.Elapsed - start;
            var isFound = await _lookups.TimeAsync(() => FindAsync(lease.Number, cancellationToken)).ConfigureAwait(false);
            var to = run.Node.Elapsed - start;
            lock (leases)
            {
                if (lease.IsSurelyThere(from, to, Slack)) _ = isFound ? _found++ : _lost++;
                else if (lease.IsSurelyGone(from, run.Own is null ? Slack + sweep : Slack)) _ = isFound ? _ghosts++ : _missed++;
            }
        }

        private async Task<bool> FindAsync(int number, CancellationToken cancellationToken)
        {
            await asker.SendAsync(new FindValueMessage(DhtKey.ForName(Procedure(number)).ToArray())).ConfigureAwait(false);
            var isFound = false;
            await asker.ReceiveAsync(
                frame =>
                {
                    if (frame.Type != FrameType.FindValueReply
                        || !FindValueReplyMessage.TryDecode(frame.Payload, out var reply, out _))
                        return false;
                    isFound = reply.Value is not null;
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            return isFound;
        }
    }
}
