using System.Diagnostics.Metrics;
using Akka.Actor;
using Akka.Configuration;
using Macula.Actors.Bounded;
using Macula.Actors.Configuration;
using Macula.Actors.Gateway;
using Microsoft.Extensions.DependencyInjection;

namespace Macula.Actors.Bench.Concerns;

/// <summary>A fresh actor system with the dispatcher of a node, and what its concerns need.</summary>
internal sealed class Bed : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public Bed() => Metrics = new GatewayMetrics(_services.GetRequiredService<IMeterFactory>(), Census);

    /// <summary>How many questions wait for their answer at once, where a benchmark does not say otherwise.</summary>
    public required int Window { get; init; }

    public ActorSystem System { get; } = ActorSystem.Create(
        "macula", ConfigurationFactory.ParseString("akka.loglevel = ERROR").WithFallback(MaculaConfig.Reference));

    public TableCensus Census { get; } = new();

    public GatewayMetrics Metrics { get; }

    public GatewaySettings Settings { get; } = GatewaySettings.Read(MaculaConfig.Reference);

    public long Size(string table) => Census.Tables.First(each => each.Name == table).Size;

    /// <summary>Actors that stand for connections: they do nothing but live.</summary>
    public Task<IActorRef[]> ConnectionsAsync(int count)
    {
        var parent = System.ActorOf(Akka.Actor.Props.Create(() => new Connections()));
        return parent.Ask<IActorRef[]>(new Connections.Make(count), Patience);
    }

    /// <summary>Tells the actor one message after the other, as many at once as the window allows, and waits for the
    /// answer of each.</summary>
    /// <param name="batch">Messages that one answer, the last one's, stands for.</param>
    public async Task<Sample> PipelineAsync(
        IActorRef actor, int count, Func<int, object> message, int? window = null, int batch = 1)
    {
        GC.Collect(); // what was set up is not paid for by what is measured
        var done = new TaskCompletionSource<Sample>(TaskCreationOptions.RunContinuationsAsynchronously);
        var asker = System.ActorOf(
            Akka.Actor.Props.Create(() => new Pipeline(actor, count, message, window ?? Window, batch, done)));
        asker.Tell(Pipeline.Start.Instance);
        return await done.Task.WaitAsync(Patience);
    }

    /// <summary>Sets something off and asks the actor, question by question, until the tables are empty: each answer is
    /// queued behind what the actor had to do before.</summary>
    /// <param name="tables">All of the same size.</param>
    public async Task<Sample> UntilEmptyAsync(IActorRef actor, Action start, params string[] tables)
    {
        GC.Collect();
        var done = new TaskCompletionSource<Sample>(TaskCreationOptions.RunContinuationsAsynchronously);
        var watched = Census.Tables.Where(each => tables.Contains(each.Name)).ToArray();
        var asker = System.ActorOf(
            Akka.Actor.Props.Create(() => new Emptying(actor, start, () => watched.Max(each => each.Size), done)));
        asker.Tell(Pipeline.Start.Instance);
        return await done.Task.WaitAsync(Patience);
    }

    /// <summary>Returns once the actor has handled what it was told before.</summary>
    public Task HandledAsync(IActorRef actor) => actor.Ask<ActorIdentity>(new Identify(null), Patience);

    public async ValueTask DisposeAsync()
    {
        await System.Terminate();
        await _services.DisposeAsync();
    }
}
