namespace Macula.Actors.Load.Neighbours;

/// <summary>What came in, valid while it is handled.</summary>
/// <param name="kind">Which sort.</param>
/// <param name="payload">As it was sent.</param>
/// <param name="number">Of a reply: the number of its request.</param>
/// <param name="replyTo">Of a request: where its reply goes, in the server's own terms.</param>
internal readonly ref struct Arrival(
    ArrivalKind kind, ReadOnlySpan<byte> payload, int number = 0, ReadOnlySpan<byte> replyTo = default)
{
    public ArrivalKind Kind { get; } = kind;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    public int Number { get; } = number;

    public ReadOnlySpan<byte> ReplyTo { get; } = replyTo;
}

/// <summary>Gets what came in; true when it has enough.</summary>
internal delegate bool ArrivalHandler(Arrival arrival);
