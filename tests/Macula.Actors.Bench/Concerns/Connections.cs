using Akka.Actor;
using Macula.Actors.Gateway;

namespace Macula.Actors.Bench.Concerns;

/// <summary>Parent of actors that stand for connections.</summary>
internal sealed class Connections : UntypedActor
{
    protected override void OnReceive(object message)
    {
        if (message is not Make make) return;
        var props = Akka.Actor.Props.Create(() => new Connection());
        var made = new IActorRef[make.Count];
        for (var i = 0; i < made.Length; i++) made[i] = Context.ActorOf(props, $"conn-{i}");
        Sender.Tell(made);
    }

    /// <summary>Ends each of them as its supervisor would after a crash.</summary>
    public static void Crash(IActorRef[] connections)
    {
        foreach (var connection in connections) ((IInternalActorRef)connection).Stop();
    }

    public sealed record Make(int Count);

    private sealed class Connection : UntypedActor
    {
        protected override void OnReceive(object message)
        {
        }
    }
}

/// <summary>Takes whatever is sent to a stream.</summary>
internal sealed class Sink(IActorRef connection) : IFrameSink
{
    public IActorRef Connection { get; } = connection;

    public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery) => true;

    public void Settle()
    {
    }
}
