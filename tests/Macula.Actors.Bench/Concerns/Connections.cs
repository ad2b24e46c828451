using Akka.Actor;
using Macula.Actors.Gateway;

namespace Macula.Actors.Bench.Concerns;

/// <summary>Parent of actors that stand for connections; ends them all when told, as crashes would.</summary>
internal sealed class Connections : UntypedActor
{
    protected override void OnReceive(object message)
    {
        if (message is Make make)
        {
            var props = Akka.Actor.Props.Create(() => new Connection());
            var made = new IActorRef[make.Count];
            for (var i = 0; i < made.Length; i++) made[i] = Context.ActorOf(props, $"conn-{i}");
            Sender.Tell(made);
        }
        else if (message is StopAll)
        {
            foreach (var connection in Context.GetChildren()) Context.Stop(connection);
        }
    }

    public sealed record Make(int Count);

    public sealed record StopAll
    {
        public static readonly StopAll Instance = new();
    }

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
