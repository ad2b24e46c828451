using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>Makes actors of which there are many: by a function, because an expression is taken apart for each of them,
/// which costs more than all the rest of an actor.</summary>
internal sealed class Producer<T>(Func<T> create) : IIndirectActorProducer
    where T : ActorBase
{
    public Type ActorType => typeof(T);

    public ActorBase Produce() => create();

    public void Release(ActorBase actor)
    {
    }
}

internal static class Producer
{
    public static Props Props<T>(Func<T> create)
        where T : ActorBase =>
        Akka.Actor.Props.CreateBy(new Producer<T>(create));
}
