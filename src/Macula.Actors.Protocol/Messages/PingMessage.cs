using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>PING (0x03), answered by a <see cref="PongMessage"/>.</summary>
/// <param name="Timestamp">The sender's time, Unix milliseconds by custom; any integer of the
/// wire, from -2^63 to 2^64-1, comes back as it is.</param>
public sealed record PingMessage(Int128 Timestamp) : IMessage
{
    private static readonly string[] Names = ["timestamp"];

    public FrameType Type => FrameType.Ping;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out PingMessage message, out DecodeError error)
    {
        Int128 timestamp = 0;
        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "timestamp"u8)) map.Int(ref timestamp);
            else map.Skip();
        }

        message = null!;
        if (!map.Ends(Names, required: 0b1, out error)) return false;

        message = new PingMessage(timestamp);
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(1);
        writer.Bytes("timestamp"u8);
        writer.Int(Timestamp);
    }
}
