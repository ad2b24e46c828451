namespace Macula.Actors.Protocol;

/// <summary>The second byte of a frame. What is not listed is skipped by a receiver.</summary>
public enum FrameType : byte
{
    Connect = 0x01,
    Disconnect = 0x02,
    Ping = 0x03,
    Pong = 0x04,
    Publish = 0x10,
    Subscribe = 0x11,
    Unsubscribe = 0x12,
    Call = 0x20,
    Reply = 0x21,
    Cast = 0x22,
    RpcRoute = 0x23,

    /// <summary>Our extension: the caller no longer waits. Peers that do not know the id skip the
    /// frame. 0x25 and not 0x24, which the golden vectors pin down as unknown.</summary>
    Cancel = 0x25,

    SwimPing = 0x30,
    SwimAck = 0x31,
    SwimPingReq = 0x32,
    FindNode = 0x40,
    FindNodeReply = 0x41,
    Store = 0x42,
    FindValue = 0x43,
    FindValueReply = 0x44,
}

/// <summary>What can be asked of a <see cref="FrameType"/>.</summary>
public static class FrameTypes
{
    /// <summary>Whether the id is in the table.</summary>
    public static bool IsKnown(byte id) => id is
        (>= 0x01 and <= 0x04) or (>= 0x10 and <= 0x12) or (>= 0x20 and <= 0x23) or 0x25 or
        (>= 0x30 and <= 0x32) or (>= 0x40 and <= 0x44);

    /// <summary>Whether the payload is for the DHT, which goes by its inner type; see
    /// <see cref="DhtOperation"/>.</summary>
    public static bool IsDht(this FrameType type) =>
        type is >= FrameType.FindNode and <= FrameType.FindValueReply;
}
