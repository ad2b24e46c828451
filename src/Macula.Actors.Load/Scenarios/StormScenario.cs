using System.Collections.Concurrent;
using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Scenarios;

/// <summary>All reconnect at once, and again while they do.</summary>
internal sealed class StormScenario : IScenario
{
    private const int All = 10_000, LeastOfAll = 20;
    private const int Staying = 100, LeastStaying = 5;
    private const double Most = 0.99;

    private static readonly TimeSpan Within = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan PingEach = TimeSpan.FromMilliseconds(500);

    // Like clients do: a first try at once, then longer and longer waits, spread at random.
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    public string Name => "storm";

    public string Summary => "10,000 clients reconnect at once, and again meanwhile: 99 % are back in time, nobody else is dropped";

    public IEnumerable<string> NodeSettings(LoadOptions options) => ["macula.clients.max-clients=11000"];

    public int Clients(LoadOptions options) => ScenarioRun.Scaled(options, All, LeastOfAll) + ScenarioRun.Scaled(options, Staying, LeastStaying);

    public async Task RunAsync(ScenarioRun run, CancellationToken cancellationToken)
    {
        var before = (await run.Node.NowAsync(cancellationToken).ConfigureAwait(false)).Size("clients");
        var count = run.Size("clients that reconnect", All, LeastOfAll);
        var steadyCount = run.Size("clients that stay", Staying, LeastStaying);
        var steady = await Crowd.ConnectAsync(run, "those who stay connect", count, steadyCount, cancellationToken).ConfigureAwait(false);
        var herd = new Herd(run, await Crowd.ConnectAsync(run, "connecting", 0, count, cancellationToken).ConfigureAwait(false));
        using var calm = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pings = new Latencies();
        var pinging = PingAsync(steady, pings, calm.Token);
        try
        {
            var first = run.Begin("first storm", count);
            herd.Scatter(first, calm.Token);
            await herd.ConnectedAsync(count / 2, Patience, cancellationToken).ConfigureAwait(false);
            var second = run.Begin("second storm, during the first", count);
            var begun = Stopwatch.GetTimestamp();
            herd.Scatter(second, calm.Token);
            await herd.ConnectedAsync((int)Math.Ceiling(Most * count), Patience, cancellationToken).ConfigureAwait(false);
            var most = Stopwatch.GetElapsedTime(begun);
            await herd.ConnectedAsync(count, Patience, cancellationToken).ConfigureAwait(false);
            var all = Stopwatch.GetElapsedTime(begun);

            run.AtMost("99 % are connected again", Within, most);
            run.Figure("time until all were", all.TotalMicroseconds, "us");
            run.Figure("connections a second", count * Most / most.TotalSeconds, "1/s");
            foreach (var (kind, number) in herd.Failures.OrderByDescending(each => each.Value))
                run.Figure($"tries that failed with {kind}", number);
            run.Latency("from the second storm until a client was back", herd.Times);
            await calm.CancelAsync().ConfigureAwait(false);
            run.Exactly("clients that stayed and were dropped", 0, await pinging.ConfigureAwait(false));
            run.Latency("ping of those who stayed", pings);
            var lost = await Crowd.PingAsync(run, "all of them", herd.Clients, new Latencies(), cancellationToken).ConfigureAwait(false);
            run.Judge(
                "clients that came back and were dropped again", "0", lost == 0 ? "0" : $"{lost}: {Ends(herd.Clients)}", lost == 0);
            var total = before + count + steadyCount;
            await run.ExpectAsync(
                "the tables are as large as the truth", TimeSpan.FromSeconds(5), cancellationToken,
                ("clients", total), ("client_streams", total)).ConfigureAwait(false);
        }
        finally
        {
            await calm.CancelAsync().ConfigureAwait(false);
            await pinging.ConfigureAwait(false);
            await herd.EndAsync().ConfigureAwait(false);
            await Crowd.EndAsync(steady).ConfigureAwait(false);
        }
    }

    // How the connections ended that did.
    private static string Ends(IEnumerable<LoadClient> clients) => string.Join(
        ", ", clients.Where(each => !each.IsConnected).CountBy(each => RefusedException.Kind(each.Closed.Result))
            .Select(each => $"{each.Value} {each.Key}"));

    // How many were lost.
    private static async Task<int> PingAsync(LoadClient[] clients, Latencies times, CancellationToken cancellationToken)
    {
        var lost = await Task.WhenAll(clients.Select(async client =>
        {
            try
            {
                while (true)
                {
                    var begun = Stopwatch.GetTimestamp();
                    await client.SettleAsync(cancellationToken).ConfigureAwait(false);
                    times.RecordSince(begun);
                    await Task.Delay(PingEach, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException)
            {
                return client.IsConnected ? 0 : 1;
            }
            catch (Exception error) when (RefusedException.Covers(error))
            {
                return 1;
            }
        })).ConfigureAwait(false);
        return lost.Sum();
    }

    /// <summary>Clients that come back whenever they are scattered.</summary>
    private sealed class Herd(ScenarioRun run, LoadClient[] clients)
    {
        private readonly LoadClient?[] _clients = [.. clients];
        private readonly Task[] _returning = [.. clients.Select(_ => Task.CompletedTask)];
        private readonly int _waitSeed = run.Seeded.Random.Next();
        private int _connected = clients.Length;
        private readonly ConcurrentDictionary<string, int> _failures = [];
        private long _scattered;

        public IReadOnlyList<LoadClient> Clients => [.. _clients.OfType<LoadClient>()];

        public Latencies Times { get; private set; } = new();

        /// <summary>Tries that failed, by kind.</summary>
        public IReadOnlyDictionary<string, int> Failures => _failures;

        /// <summary>Those who are connected are no longer, and all come back.</summary>
        public void Scatter(Phase phase, CancellationToken cancellationToken)
        {
            Times = new Latencies();
            _scattered = Stopwatch.GetTimestamp();
            for (var i = 0; i < _clients.Length; i++)
            {
                if (Interlocked.Exchange(ref _clients[i], null) is not { } client) continue; // on its way already
                client.Die();
                Interlocked.Decrement(ref _connected);
                var (number, before) = (i, _returning[i]);
                _returning[i] = Task.Run(
                    () => ReturnAsync(number, client, before, phase, cancellationToken), CancellationToken.None);
            }
        }

        public async Task ConnectedAsync(int count, TimeSpan patience, CancellationToken cancellationToken)
        {
            for (var begun = Stopwatch.GetTimestamp(); Volatile.Read(ref _connected) < count;)
            {
                if (Stopwatch.GetElapsedTime(begun) > patience)
                    throw new LoadException($"only {_connected} of {_clients.Length} clients were connected after {patience}");
                await Task.Delay(5, cancellationToken).ConfigureAwait(false);
            }
        }

        public async Task EndAsync()
        {
            try
            {
                await Task.WhenAll(_returning).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // They were told not to.
            }

            await Crowd.EndAsync(_clients).ConfigureAwait(false);
        }

        private async Task ReturnAsync(
            int number, LoadClient old, Task before, Phase phase, CancellationToken cancellationToken)
        {
            await old.DisposeAsync().ConfigureAwait(false);
            await before.ConfigureAwait(false);
            var random = new Random(_waitSeed + number);
            for (var wait = FirstWait; ; wait = wait * 2 > LongestWait ? LongestWait : wait * 2)
            {
                try
                {
                    var client = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(number), cancellationToken)
                        .ConfigureAwait(false);
                    Times.RecordSince(_scattered);
                    Volatile.Write(ref _clients[number], client);
                    Interlocked.Increment(ref _connected);
                    phase.Add();
                    return;
                }
                catch (Exception error) when (RefusedException.Covers(error))
                {
                    _failures.AddOrUpdate(RefusedException.Kind(error), 1, (_, count) => count + 1);
                    await Task.Delay(wait * (0.5 + random.NextDouble()), cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }
}
