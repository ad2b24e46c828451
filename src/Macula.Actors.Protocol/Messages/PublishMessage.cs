using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>PUBLISH (0x10): a message for all subscribers of a topic.</summary>
/// <param name="Topic">Segments separated by dots; no wildcards by intent, none refused.</param>
/// <param name="Payload">Opaque; clients put JSON text here.</param>
/// <param name="Qos">0, 1 or 2.</param>
/// <param name="Retain">Whether those who subscribe later should get it; with an empty payload, no longer.</param>
/// <param name="MessageId">0 to 64 bytes, 16 by custom; unique per publishing process only.</param>
/// <param name="Extra">Fields that nobody here knows; they travel on with the message.</param>
/// <remarks>Decoding allocates nothing as long as the payload is one segment and has no unknown
/// fields; <see cref="Topic"/>, <see cref="Payload"/> and <see cref="Extra"/> are then slices of
/// it, valid only as long as its buffer (<see cref="ToOwned"/>).</remarks>
public readonly record struct PublishMessage(
    Utf8Text Topic,
    ReadOnlyMemory<byte> Payload,
    int Qos,
    bool Retain,
    MessageId MessageId,
    RawFields Extra = default) : IMessage
{
    private static readonly string[] Names =
        ["topic", "payload", "qos", "retain", "message_id", "unknown fields"];

    public FrameType Type => FrameType.Publish;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out PublishMessage message, out DecodeError error)
    {
        Utf8Text topic = default;
        ReadOnlyMemory<byte> body = default;
        var qos = 0;
        var retain = false;
        MessageId id = default;
        RawFieldsBuilder extra = default;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "topic"u8)) map.Text(ref topic);
            else if (map.Is(1, "payload"u8)) map.Bytes(ref body);
            else if (map.Is(2, "qos"u8)) map.Int(ref qos, 0, 2);
            else if (map.Is(3, "retain"u8)) map.Bool(ref retain);
            else if (map.Is(4, "message_id"u8)) map.Id(ref id);
            else map.Entry(ref extra);
        }

        message = default;
        if (!map.Ends(Names, required: 0b11111, out error)) return false;
        if (extra.Overflowed)
        {
            error = new DecodeError(DecodeErrorCode.OutOfRange, Names[5]);
            return false;
        }

        message = new PublishMessage(topic, body, qos, retain, id, extra.Build());
        return true;
    }

    /// <summary>A copy that outlives the buffer.</summary>
    public PublishMessage ToOwned() => this with
    {
        Topic = Topic.ToOwned(),
        Payload = Payload.ToArray(),
        Extra = Extra.ToOwned(),
    };

    void IMessage.Write(ref PayloadWriter writer)
    {
        var next = 0;
        writer.Map(5 + Extra.Count);
        writer.FieldsBefore(Extra, ref next, "message_id"u8);
        writer.Bytes("message_id"u8);
        writer.Id(MessageId);
        writer.FieldsBefore(Extra, ref next, "payload"u8);
        writer.Bytes("payload"u8);
        writer.Bytes(Payload.Span);
        writer.FieldsBefore(Extra, ref next, "qos"u8);
        writer.Bytes("qos"u8);
        writer.Int(Qos);
        writer.FieldsBefore(Extra, ref next, "retain"u8);
        writer.Bytes("retain"u8);
        writer.Bool(Retain);
        writer.FieldsBefore(Extra, ref next, "topic"u8);
        writer.Bytes("topic"u8);
        writer.Bytes(Topic.Span);
        writer.FieldsAfter(Extra, next);
    }
}
