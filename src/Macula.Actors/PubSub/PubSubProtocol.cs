using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.PubSub;

/// <summary>What is said to a <see cref="PubSubActor"/>, and what it says. Good news is not answered: the wire has no
/// acknowledgements (docs/wire.md).</summary>
public static class PubSubProtocol
{
    /// <summary>Adds patterns; those beyond a limit are refused, counted and logged. For each new one the stream gets
    /// the messages that are retained for it.</summary>
    /// <param name="Subscriber">The stream that SUBSCRIBE came in on: messages go out there, one copy each.</param>
    /// <param name="Patterns">Owned by whoever keeps them: no slices of the frame.</param>
    /// <param name="Request">Comes back with <see cref="NotSubscribed"/>.</param>
    public sealed record Subscribe(
        IFrameSink Subscriber, IReadOnlyList<Utf8Text> Patterns, long Request, FrameLease Lease) : ILocal, ILeased;

    /// <summary>Told to the subscriber's connection when patterns were refused.</summary>
    public sealed record NotSubscribed(
        IFrameSink Subscriber, IReadOnlyList<Utf8Text> Patterns, long Request) : IToConnection;

    /// <summary>What a stream is subscribed to, told to an actor that has restarted; nothing retained is sent again.
    /// </summary>
    public sealed record Resume(IFrameSink Subscriber, IReadOnlyList<Utf8Text> Patterns) : ILocal;

    public sealed record Unsubscribe(
        IFrameSink Subscriber, IReadOnlyList<Utf8Text> Patterns, FrameLease Lease) : ILocal, ILeased;

    /// <summary>The stream has ended; its subscriptions go. The end of its connection is watched.</summary>
    public sealed record StreamEnded(IFrameSink Subscriber) : ILocal;

    /// <param name="Topic">A slice of the publisher's frame; whoever keeps it copies it.</param>
    /// <param name="Frame">The whole PUBLISH frame as every subscriber gets it; shared, never changed.</param>
    /// <param name="Retention">What it means for those who subscribe later.</param>
    public sealed record Publish(
        Utf8Text Topic, ReadOnlyMemory<byte> Frame, FrameDelivery Delivery, FrameLease Lease,
        Retention Retention = Retention.None) : ILocal, ILeased;
}

/// <summary>What a message means for those who subscribe to its topic later.</summary>
public enum Retention
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>They get it, until another one takes its place.</summary>
    Keep,

    /// <summary>They no longer get the one that was kept.</summary>
    Clear,
}
