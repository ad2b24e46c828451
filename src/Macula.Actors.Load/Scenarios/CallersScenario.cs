using System.Collections.Concurrent;
using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Load.Workers;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Callers die while they wait.</summary>
internal sealed class CallersScenario : IScenario
{
    private const string Procedure = "load.callers.wait";
    private const int All = 1_000, LeastOfAll = 40;
    private const int CallsEach = 2;
    private const double Share = 0.05; // of all callers, in each round

    private static readonly TimeSpan CloseWithin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    public string Name => "callers";

    public string Summary => "callers killed in the middle of a call, 5 % at a time: what they left pending goes with them";

    public IEnumerable<string> NodeSettings(LoadOptions options) => Silence.Settings(options);

    public int Clients(LoadOptions options) => ScenarioRun.Scaled(options, All, LeastOfAll) + 1; // and a provider

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var callers = run.Size("callers", All, LeastOfAll);
        run.Fixed("calls of each", CallsEach);
        var rounds = run.Size("rounds of SIGKILL, and as many of QUIC closes", 4, 2);
        var share = Math.Max(1, (int)(callers * Share));
        var inside = callers - (rounds * share); // the others are in processes that are killed
        var silence = Silence.Of(run.Options);
        // The question for the figures is itself a call that is pending while it is answered.
        var atRest = (await run.Node.NowAsync(cancellationToken).ConfigureAwait(false)).Size("rpc.pending_calls");

        var killedAt = new ConcurrentDictionary<int, long>();
        var (killed, closed) = (new Latencies(), new Latencies());
        var wrong = 0;
        await using var provider = await CallProvider.StartAsync(run, Procedure, 0, cancellationToken).ConfigureAwait(false);
        provider.Cancelled = caller =>
        {
            if (killedAt.TryGetValue(caller, out var at)) (caller < inside ? closed : killed).RecordSince(at);
            else Interlocked.Increment(ref wrong);
        };

        var clients = await Crowd.ConnectAsync(run, "callers connect", 0, inside, cancellationToken).ConfigureAwait(false);
        List<WorkerProcess> workers = [];
        try
        {
            var starting = run.Begin("processes start", rounds);
            for (var i = 0; i < rounds; i++, starting.Add())
                workers.Add(await WorkerProcess.StartAsync(
                    run, inside + (i * share), share, cancellationToken, Procedure, CallsEach).ConfigureAwait(false));
            var calling = run.Begin("callers call", inside);
            await Crowd.EachAsync(inside, Crowd.Width, async (i, stop) =>
            {
                await LoadWorker.CallAsync(clients[i], Procedure, i, CallsEach, stop).ConfigureAwait(false);
                calling.Add();
            }, cancellationToken).ConfigureAwait(false);

            var pending = (long)callers * CallsEach;
            await ExpectAsync("all calls are pending", pending, Margin).ConfigureAwait(false);
            var alive = Enumerable.Range(0, inside).ToList();
            for (var round = 0; round < rounds; round++)
            {
                var dying = run.Seeded.Choose(share, alive.Count).Select(i => alive[i]).ToArray();
                run.Begin($"round {round + 1}: {share} callers close", Margin);
                foreach (var caller in dying)
                {
                    killedAt[caller] = Stopwatch.GetTimestamp();
                    clients[caller].Die();
                }

                alive.RemoveAll(dying.Contains);
                await ExpectAsync(
                    $"round {round + 1}: pending after {share} have closed", pending -= share * CallsEach, Margin)
                    .ConfigureAwait(false);

                run.Begin($"round {round + 1}: {share} callers are killed", silence + Margin);
                var now = Stopwatch.GetTimestamp();
                for (var i = 0; i < share; i++) killedAt[inside + (round * share) + i] = now;
                await workers[round].KillAsync().ConfigureAwait(false);
                await ExpectAsync(
                    $"round {round + 1}: pending after {share} were killed", pending -= share * CallsEach, silence + Margin)
                    .ConfigureAwait(false);
            }

            await AnswerAsync(run, provider, [.. alive.Select(i => clients[i])], cancellationToken).ConfigureAwait(false);
            await ExpectAsync("nothing is pending", 0, Margin).ConfigureAwait(false);
        }
        finally
        {
            await Crowd.EndAsync(clients).ConfigureAwait(false);
            foreach (var worker in workers) await worker.DisposeAsync().ConfigureAwait(false);
        }

        run.Latency("from the close of a caller to the CANCEL of its call", closed);
        run.Latency("from the SIGKILL of a caller to the CANCEL of its call", killed);
        run.Exactly("calls of dead callers that were cancelled", 2L * rounds * share * CallsEach, closed.Count + killed.Count);
        run.Exactly("calls of living callers that were", 0, wrong);
        run.AtMost("a caller that closes is cleaned up (p99)", CloseWithin, closed.At(99));
        run.AtMost("a caller that is killed is, after the idle time-out (p99)", silence + Margin, killed.At(99));

        Task ExpectAsync(string name, long size, TimeSpan patience) =>
            run.ExpectAsync(name, patience, cancellationToken, ("rpc.pending_calls", atRest + size));
    }

    private static async Task AnswerAsync(
        ScenarioRun run, CallProvider provider, LoadClient[] alive, CancellationToken cancellationToken)
    {
        var phase = run.Begin("the others are answered", alive.Length);
        var replies = 0;
        await provider.AnswerAsync().ConfigureAwait(false);
        await Crowd.EachAsync(alive.Length, Crowd.Width, async (i, stop) =>
        {
            var left = CallsEach;
            await alive[i].ReceiveAsync(
                frame => frame.Type == FrameType.Reply && ReplyMessage.TryDecode(frame.Payload, out var reply, out _)
                    && reply.IsSuccess && --left == 0,
                stop).WaitAsync(Margin, stop).ConfigureAwait(false);
            Interlocked.Add(ref replies, CallsEach - left);
            phase.Add();
        }, cancellationToken).ConfigureAwait(false);
        run.Exactly("calls of the living that were answered", (long)alive.Length * CallsEach, replies);
    }
}
