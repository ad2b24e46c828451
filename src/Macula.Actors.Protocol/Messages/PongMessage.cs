using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>PONG (0x04): the answer to CONNECT and PING.</summary>
/// <param name="Timestamp">To a PING its own timestamp; to a CONNECT the gateway's time in Unix
/// milliseconds.</param>
/// <param name="ServerTime">The gateway's time in Unix milliseconds.</param>
public sealed record PongMessage(Int128 Timestamp, Int128 ServerTime) : IMessage
{
    private static readonly string[] Names = ["timestamp", "server_time"];

    public FrameType Type => FrameType.Pong;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out PongMessage message, out DecodeError error)
    {
        Int128 timestamp = 0;
        Int128 serverTime = 0;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "timestamp"u8)) map.Int(ref timestamp);
            else if (map.Is(1, "server_time"u8)) map.Int(ref serverTime);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b11, out error)) return false;

        message = new PongMessage(timestamp, serverTime);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("server_time"u8);
        writer.Int(ServerTime);
        writer.Bytes("timestamp"u8);
        writer.Int(Timestamp);
    }
}
