using System.Buffers;
using System.Buffers.Binary;

namespace Macula.Actors.Load.Neighbours;

/// <summary>MQTT 3.1.1 (OASIS standard of 2014) at QoS 0, as far as a load needs it.</summary>
internal static class MqttCodec
{
    private const int MaxLengthBytes = 4;

    /// <summary>CONNECT with a clean session and without keep-alive (section 3.1).</summary>
    public static void Connect(IBufferWriter<byte> output, ReadOnlySpan<byte> clientId)
    {
        ReadOnlySpan<byte> fixedPart = [0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 4, 0b10, 0, 0];
        var packet = output.GetSpan(1 + MaxLengthBytes + fixedPart.Length + 2 + clientId.Length);
        var at = Header(packet, 0x10, fixedPart.Length + 2 + clientId.Length);
        fixedPart.CopyTo(packet[at..]);
        output.Advance(Text(packet, at + fixedPart.Length, clientId));
    }

    /// <summary>PUBLISH at QoS 0 (section 3.3).</summary>
    public static Span<byte> Publish(IBufferWriter<byte> output, ReadOnlySpan<byte> topic, ReadOnlySpan<byte> payload)
    {
        var packet = output.GetSpan(1 + MaxLengthBytes + 2 + topic.Length + payload.Length);
        var at = Text(packet, Header(packet, 0x30, 2 + topic.Length + payload.Length), topic);
        payload.CopyTo(packet[at..]);
        output.Advance(at + payload.Length);
        return packet.Slice(at, payload.Length);
    }

    /// <summary>SUBSCRIBE to one topic at QoS 0 (section 3.8).</summary>
    /// <param name="id">From 1.</param>
    public static void Subscribe(IBufferWriter<byte> output, ushort id, ReadOnlySpan<byte> topic)
    {
        var packet = output.GetSpan(1 + MaxLengthBytes + 5 + topic.Length);
        var at = Header(packet, 0x82, 5 + topic.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet[at..], id);
        at = Text(packet, at + 2, topic);
        packet[at++] = 0;
        output.Advance(at);
    }

    /// <summary>Reads one packet and takes it off <paramref name="rest"/>; false when it is not complete.</summary>
    /// <exception cref="InvalidDataException">This is not MQTT, or a packet that nobody asked for.</exception>
    public static bool TryRead(ref ReadOnlySpan<byte> rest, out MqttFrame frame)
    {
        frame = default;
        if (!TryLength(rest, out var length, out var at) || rest.Length < at + length) return false;
        var body = rest.Slice(at, length);
        var kind = (MqttKind)(rest[0] >> 4);
        frame = kind switch
        {
            MqttKind.Publish => Published(rest[0], body),
            MqttKind.ConnAck or MqttKind.SubAck or MqttKind.PingResp => new MqttFrame(kind, body),
            _ => throw new InvalidDataException($"the server sent a packet of type {(int)kind}, which nobody asked for"),
        };
        rest = rest[(at + length)..];
        return true;
    }

    private static MqttFrame Published(byte first, ReadOnlySpan<byte> body)
    {
        if ((first & 0b110) != 0) throw new InvalidDataException("the server sent a PUBLISH above QoS 0");
        var topic = body.Length < 2 ? -1 : BinaryPrimitives.ReadUInt16BigEndian(body);
        if (topic < 0 || topic > body.Length - 2)
            throw new InvalidDataException("the server sent a PUBLISH that is shorter than its topic");
        return new MqttFrame(MqttKind.Publish, body[(2 + topic)..], body.Slice(2, topic));
    }

    // Section 2.2.3: seven bits a byte, the lowest first.
    private static bool TryLength(ReadOnlySpan<byte> packet, out int length, out int at)
    {
        length = 0;
        for (at = 1; at < packet.Length; at++)
        {
            if (at > MaxLengthBytes) throw new InvalidDataException("the server sent a length of more than 4 bytes");
            length |= (packet[at] & 0x7F) << (7 * (at - 1));
            if (packet[at] >= 0x80) continue;
            at++;
            return true;
        }

        return false;
    }

    private static int Header(Span<byte> packet, byte first, int length)
    {
        packet[0] = first;
        var at = 1;
        for (; length >= 0x80; length >>= 7) packet[at++] = (byte)(length | 0x80);
        packet[at++] = (byte)length;
        return at;
    }

    private static int Text(Span<byte> packet, int at, ReadOnlySpan<byte> text)
    {
        BinaryPrimitives.WriteUInt16BigEndian(packet[at..], (ushort)text.Length);
        text.CopyTo(packet[(at + 2)..]);
        return at + 2 + text.Length;
    }
}
