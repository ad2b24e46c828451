using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>More clients than the node has places.</summary>
internal sealed class ClientsScenario : IScenario
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AdmittedWithin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public string Name => "clients";

    public string Summary => "10,050 clients, 10,000 places: exactly 50 are refused, nobody inside is harmed";

    public IEnumerable<string> NodeSettings(LoadOptions options) =>
        [$"macula.clients.max-clients={ScenarioRun.Scaled(options, 10_000, 20)}"];

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var before = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        var limit = before.Tables["clients"].Limit;
        var present = before.Size("clients"); // the one that asks for figures is a client too
        run.Fixed("places", (int)limit);
        var extra = run.Size("clients beyond them", 50, 5);

        var connects = new Latencies();
        var inside = await Crowd.ConnectAsync(run, "connecting", 0, (int)(limit - present), cancellationToken, connects)
            .ConfigureAwait(false);
        LoadClient[] admitted = [];
        try
        {
            run.Latency("connect", connects);
            var full = await run.ExpectAsync(
                "the tables are full", TimeSpan.FromSeconds(2), cancellationToken,
                ("clients", limit), ("client_streams", limit)).ConfigureAwait(false);
            if (full.Resident > 0)
            {
                run.Figure("resident memory with all places taken", full.Resident, "B");
                run.Figure("of it for each client", (full.Resident - before.Resident) / (double)inside.Length, "B");
            }

            await RefuseAsync(run, inside.Length, extra, full.Tables["clients"].Rejected, cancellationToken).ConfigureAwait(false);
            await UnharmedAsync(run, inside, cancellationToken).ConfigureAwait(false);
            admitted = await FreeAsync(run, inside, extra, cancellationToken).ConfigureAwait(false);
            await run.ExpectAsync(
                "and the tables are full again", TimeSpan.FromSeconds(2), cancellationToken,
                ("clients", limit), ("client_streams", limit)).ConfigureAwait(false);
        }
        finally
        {
            run.Begin("all leave");
            await Crowd.EndAsync(inside.Concat(admitted)).ConfigureAwait(false);
        }

        await run.ExpectAsync(
            "all have left", Patience, cancellationToken, ("clients", present), ("client_streams", present))
            .ConfigureAwait(false);
    }

    private static async Task RefuseAsync(
        ScenarioRun run, int first, int extra, long rejectedBefore, CancellationToken cancellationToken)
    {
        var phase = run.Begin("beyond the limit", extra);
        var refusals = new RefusedException?[extra];
        await Crowd.EachAsync(extra, extra, async (i, stop) =>
        {
            try
            {
                var let = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(first + i), stop).ConfigureAwait(false);
                await let.DisposeAsync().ConfigureAwait(false);
            }
            catch (RefusedException refusal)
            {
                refusals[i] = refusal;
            }

            phase.Add();
        }, cancellationToken).ConfigureAwait(false);

        var text = DisconnectReason.MaxClientsReached.Text();
        run.Exactly($"refused with {text}", extra, refusals.Count(each => each?.Reason == text));
        run.Exactly(
            "and closed with the code of that", extra,
            refusals.Count(each => each?.CloseCode == DisconnectReason.MaxClientsReached.Code()));
        run.Exactly("and told when to come again", extra, refusals.Count(each => each?.RetryAfter > TimeSpan.Zero));
        var after = await run.Node.NowAsync(cancellationToken).ConfigureAwait(false);
        run.Exactly("as the node counts them", extra, after.Tables["clients"].Rejected - rejectedBefore);
    }

    private static async Task UnharmedAsync(ScenarioRun run, LoadClient[] inside, CancellationToken cancellationToken)
    {
        var pings = new Latencies();
        var lost = await Crowd.PingAsync(run, "those inside", inside, pings, cancellationToken).ConfigureAwait(false);
        run.Exactly("those inside answer", inside.Length, inside.Length - lost);
        run.Latency($"ping of those inside, {Crowd.Width} at once", pings);
    }

    // Those who were refused knock all the time; whoever is let in stops.
    private static async Task<LoadClient[]> FreeAsync(
        ScenarioRun run, LoadClient[] inside, int extra, CancellationToken cancellationToken)
    {
        var phase = run.Begin("places free up", extra);
        var waits = new Latencies();
        var leaving = run.Seeded.Choose(extra, inside.Length);
        var freed = Stopwatch.GetTimestamp();
        var left = Task.WhenAll(leaving.Select(i => inside[i].LeaveAsync()));
        var admitted = await Task.WhenAll(Enumerable.Range(0, extra).Select(async i =>
        {
            while (true)
            {
                try
                {
                    var client = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(inside.Length + i), cancellationToken)
                        .ConfigureAwait(false);
                    waits.RecordSince(freed);
                    phase.Add();
                    return client;
                }
                catch (RefusedException) when (Stopwatch.GetElapsedTime(freed) < Patience)
                {
                    await Task.Delay(Retry, cancellationToken).ConfigureAwait(false);
                }
            }
        })).ConfigureAwait(false);
        await left.ConfigureAwait(false);
        run.Latency("from a place that is free to a client that was refused", waits);
        run.AtMost("the refused get in when places free up", AdmittedWithin, waits.Max);
        return admitted;
    }
}
