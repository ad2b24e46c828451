using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Five times as many calls as can be done.</summary>
internal sealed class OverloadScenario : IScenario
{
    private const string Procedure = "load.overload.work";
    private const int Callers = 20;
    private const int Timeout = 1_000; // milliseconds that a caller waits
    private const double Times = 5, LeastGoodput = 0.8, Calm = 0.5;

    private static readonly TimeSpan RecoveredWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(500);

    public string Name => "overload";

    public string Summary => "5 times the capacity of a provider: goodput stays, refusals say why, and it recovers within 10 s";

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var capacity = run.Size("calls a second that can be done", 1_000, 100);
        var time = run.Time("time", TimeSpan.FromMinutes(1));
        await using var provider = await WorkingProvider.StartAsync(run, Procedure, capacity, cancellationToken).ConfigureAwait(false);
        var callers = new CallLoad[Callers];
        for (var i = 0; i < Callers; i++)
            callers[i] = await CallLoad.StartAsync(run, Procedure, i, 100, cancellationToken, Timeout).ConfigureAwait(false);
        try
        {
            var part = TimeSpan.FromTicks(Math.Min(time.Ticks, TimeSpan.FromSeconds(10).Ticks));
            var peakPhase = run.Begin("the peak", part);
            var peak = (await Task.WhenAll(callers.Select(each => each.ClosedAsync(
                peakPhase, Math.Max(1, capacity / 10 / Callers), part, cancellationToken))).ConfigureAwait(false)).Sum();
            run.Figure("peak", peak, "1/s");

            var flooded = new Latencies();
            var (before, begun) = (Succeeded(), Stopwatch.GetTimestamp());
            var offered = await OfferAsync($"{Times} times of it", Times * peak, time, flooded).ConfigureAwait(false);
            var took = Stopwatch.GetElapsedTime(begun).TotalSeconds; // longer than asked for when the node takes no more
            var goodput = (Succeeded() - before) / took;
            run.Figure("offered meanwhile", offered / took, "1/s");
            run.Figure("goodput meanwhile", goodput, "1/s");
            run.Latency("calls that succeeded meanwhile", flooded);
            run.AtLeast("goodput to the peak", LeastGoodput, goodput / peak, "0.00 'times'");

            run.AtMost("recovered", RecoveredWithin, await RecoverAsync(peak).ConfigureAwait(false));
            foreach (var each in callers) await each.AnsweredAsync(cancellationToken).ConfigureAwait(false);
            run.Exactly("calls without a reply", 0, callers.Sum(each => each.Pending));
            Refusals(run, callers);
        }
        finally
        {
            foreach (var each in callers) await each.DisposeAsync().ConfigureAwait(false);
        }

        long Succeeded() => callers.Sum(each => each.Succeeded);

        async Task<long> OfferAsync(string name, double rate, TimeSpan duration, Latencies? times)
        {
            foreach (var each in callers) each.Record(times);
            var phase = run.Begin(name, duration);
            var next = 0;
            return await Pace.RunAsync(
                rate, duration, due => { callers[next++ % Callers].Call(due); phase.Add(); }, cancellationToken).ConfigureAwait(false);
        }

        // Until all calls of a window succeed, at half of what can be done.
        async Task<TimeSpan> RecoverAsync(double peak)
        {
            var begun = Stopwatch.GetTimestamp();
            while (true)
            {
                var (succeeded, failed) = (Succeeded(), callers.Sum(each => each.Failed));
                var made = await OfferAsync("recovery", Calm * peak, Window, null).ConfigureAwait(false);
                var isOver = callers.Sum(each => each.Failed) == failed && Succeeded() - succeeded >= made * LeastGoodput;
                if (isOver || Stopwatch.GetElapsedTime(begun) > 2 * RecoveredWithin) return Stopwatch.GetElapsedTime(begun);
            }
        }
    }

    private static void Refusals(ScenarioRun run, CallLoad[] callers)
    {
        string[] known = [ReplyErrorCodes.Timeout, ReplyErrorCodes.Overloaded];
        var refusals = callers.SelectMany(each => each.Refusals).GroupBy(each => each.Key, each => each.Value)
            .ToDictionary(each => each.Key, each => each.Sum());
        foreach (var (code, count) in refusals) run.Figure($"refused with {code}", count);
        var others = refusals.Keys.Except(known).ToList();
        run.Judge(
            "refusals that are not of overload", "none", others.Count == 0 ? "none" : string.Join(", ", others), others.Count == 0);
        run.Judge("refusals", "some", ScenarioRun.Text(refusals.Values.Sum()), refusals.Values.Sum() > 0);
    }
}
