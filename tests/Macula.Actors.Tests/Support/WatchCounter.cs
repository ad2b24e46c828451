using Akka.Actor;
using Akka.Dispatch.SysMsg;

namespace Macula.Actors.Tests;

/// <summary>An actor that does nothing but count who watches it.</summary>
internal sealed class WatchCounter(ActorSystem system, string name) : MinimalActorRef
{
    private int _watches;
    private int _unwatches;

    public int Watches => Volatile.Read(ref _watches);

    public int Unwatches => Volatile.Read(ref _unwatches);

    public override ActorPath Path { get; } = new RootActorPath(Address.AllSystems) / name;

    public override IActorRefProvider Provider { get; } = ((ExtendedActorSystem)system).Provider;

    public override void SendSystemMessage(ISystemMessage message)
    {
        if (message is Watch) Interlocked.Increment(ref _watches);
        else if (message is Unwatch) Interlocked.Increment(ref _unwatches);
    }
}
