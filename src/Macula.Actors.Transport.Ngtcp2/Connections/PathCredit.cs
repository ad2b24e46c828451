namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What a server may send to where its client seems to have moved before it has proved to be there: three times
/// what came from there (RFC 9000, section 8.1), less one byte.</summary>
/// <remarks>The library keeps to the three times by itself. But at the last byte it stops its loss timer, and starts it
/// again only when something is acknowledged or sent; when the congestion window is full too, nothing is, ever. So it is
/// never given room for that byte. Counted as it counts, or more strictly.</remarks>
internal struct PathCredit
{
    private const long Factor = 3;

    private long _left;

    public static PathCredit Unlimited => new() { _left = long.MaxValue };

    private readonly bool IsLimited => _left != long.MaxValue;

    public static PathCredit Of(int received) => new() { _left = received * Factor };

    public void Received(int length)
    {
        if (IsLimited) _left += length * Factor;
    }

    public void Sent(int length)
    {
        if (IsLimited) _left -= length;
    }

    /// <summary>How long the next packet may be.</summary>
    public readonly int Room(int most) => (int)Math.Clamp(_left - 1, 0, most);
}
