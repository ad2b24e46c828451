using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.PubSub;

/// <summary>What is said to a <see cref="PubSubActor"/>. Nothing is answered: the wire has no acknowledgements
/// (docs/wire.md).</summary>
public static class PubSubProtocol
{
    /// <summary>Adds patterns; those beyond a limit are refused, counted and logged.</summary>
    /// <param name="Subscriber">The stream that SUBSCRIBE came in on: messages go out there, one copy each.</param>
    public sealed record Subscribe(
        IFrameSink Subscriber, IReadOnlyList<Utf8Text> Patterns, FrameLease Lease) : ILocal, ILeased;

    public sealed record Unsubscribe(
        IFrameSink Subscriber, IReadOnlyList<Utf8Text> Patterns, FrameLease Lease) : ILocal, ILeased;

    /// <summary>The stream has ended; its subscriptions go. The end of its connection is watched.</summary>
    public sealed record StreamEnded(IFrameSink Subscriber) : ILocal;

    /// <param name="Frame">The whole PUBLISH frame as every subscriber gets it; shared, never changed.</param>
    public sealed record Publish(
        Utf8Text Topic, ReadOnlyMemory<byte> Frame, FrameDelivery Delivery, FrameLease Lease) : ILocal, ILeased;
}
