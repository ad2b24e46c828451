using Akka.Actor;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests;

/// <summary>Stands for the connection actor of a <see cref="Macula.Actors.Gateway.StreamWriter"/>.</summary>
internal sealed class WriterOwner : MinimalActorRef
{
    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _overflows;

    public override ActorPath Path { get; } = new RootActorPath(Address.AllSystems) / "writer-owner";

    public override IActorRefProvider Provider => throw new NotSupportedException("a fake has no provider");

    /// <summary>Completes when the writer is through with its stream.</summary>
    public Task Written => _written.Task;

    public int Overflows => Volatile.Read(ref _overflows);

    protected override void TellInternal(object message, IActorRef sender)
    {
        if (message is ConnectionEvents.OutboundOverflow) Interlocked.Increment(ref _overflows);
        else if (message is ConnectionEvents.StreamWritten) _written.SetResult(); // a second one throws
    }
}
