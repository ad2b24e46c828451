using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>Where frames for one stream of a peer go. Thread-safe and never waiting; bounded, with the slow-consumer
/// policy of its connection.</summary>
/// <remarks>A concern calls it directly and not through the connection's mailbox, because a mailbox has no bound
/// (docs/decisions/0002).</remarks>
public interface IFrameSink
{
    /// <summary>The connection actor that owns the stream: what to watch.</summary>
    IActorRef Connection { get; }

    /// <summary>Queues a whole encoded frame, which must not change afterwards: all receivers share it.</summary>
    /// <returns>False when it was dropped or the stream has ended.</returns>
    bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery);

    /// <summary>Says that a request which came on this stream has no answer here, so that nothing waits for it.</summary>
    void Settle();
}

/// <summary>What a queue that is full may do with a frame.</summary>
public enum FrameDelivery
{
    /// <summary>May be dropped by the slow-consumer policy: a QoS 0 PUBLISH.</summary>
    Droppable,

    /// <summary>Not queued when there is no room, and nothing else happens: the sender sees to it. A CALL, which another
    /// provider may take, or a CANCEL, which only saves work.</summary>
    Refusable,

    /// <summary>Never dropped: when there is no room the consumer is disconnected.</summary>
    Required,

    /// <summary>As <see cref="Required"/>, and the one answer to a request that came on this stream.</summary>
    Answer,
}
