namespace Macula.Actors.Load.Neighbours;

/// <summary>One piece of what a NATS server sends, valid as long as the bytes it was read from.</summary>
/// <param name="text">Of INFO and -ERR: what follows; of a message: its payload.</param>
internal readonly ref struct NatsFrame(
    NatsKind kind, ReadOnlySpan<byte> text = default, ReadOnlySpan<byte> subject = default,
    ReadOnlySpan<byte> replyTo = default)
{
    public NatsKind Kind { get; } = kind;

    public ReadOnlySpan<byte> Text { get; } = text;

    public ReadOnlySpan<byte> Subject { get; } = subject;

    public ReadOnlySpan<byte> ReplyTo { get; } = replyTo;
}
