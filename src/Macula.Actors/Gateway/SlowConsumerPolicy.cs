namespace Macula.Actors.Gateway;

/// <summary>What happens to a PUBLISH of QoS 0 when its receiver's outbound queue is full. Other frames are never
/// dropped: when there is no room for one, the receiver is disconnected with <c>slow_consumer</c>.</summary>
public enum SlowConsumerPolicy
{
    /// <summary>The oldest queued PUBLISH of QoS 0 gives way.</summary>
    DropOldest,

    /// <summary>The new one is dropped.</summary>
    DropNewest,

    /// <summary>The receiver is disconnected with <c>slow_consumer</c>.</summary>
    Disconnect,
}
