using Akka.Actor;

namespace Macula.Actors.Bench.Concerns;

/// <summary>What Akka.NET itself takes, with actors that do nothing else.</summary>
internal static class FloorBenchmarks
{
    private const int N = 10_000;

    public static IEnumerable<Benchmark> All =>
    [
        new("floor.ask_reply", N, null, 1, AskReplyAsync),
        new("floor.watch_reply", N, null, 1, WatchReplyAsync),
        new("floor.crash_all", N, null, 1, CrashAllAsync),
    ];

    private static Task<Sample> AskReplyAsync(Bed bed)
    {
        var question = new Bare.Question();
        return bed.PipelineAsync(Actor(bed), N, _ => question);
    }

    private static async Task<Sample> WatchReplyAsync(Bed bed)
    {
        var connections = await bed.ConnectionsAsync(N);
        return await bed.PipelineAsync(Actor(bed), N, i => new Bare.Watch(connections[i]));
    }

    private static async Task<Sample> CrashAllAsync(Bed bed)
    {
        var connections = await bed.ConnectionsAsync(N);
        var actor = Actor(bed);
        var table = bed.Census.Add("watched", N);
        await bed.PipelineAsync(actor, N, i => new Bare.Watch(connections[i], table));
        return await bed.UntilEmptyAsync(actor, () => Connections.Crash(connections), "watched");
    }

    private static IActorRef Actor(Bed bed) => bed.System.ActorOf(Props.Create(() => new Bare()));

    private sealed class Bare : UntypedActor
    {
        private Bounded.BoundedTable? _table;
        private long _watched;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case Question:
                    Sender.Tell(message);
                    break;
                case Watch watch:
                    Context.Watch(watch.Actor);
                    (_table = watch.Table)?.Set(++_watched);
                    Sender.Tell(watch);
                    break;
                case Terminated:
                    _table?.Set(--_watched);
                    break;
            }
        }

        public sealed record Question;

        public sealed record Watch(IActorRef Actor, Bounded.BoundedTable? Table = null);
    }
}
