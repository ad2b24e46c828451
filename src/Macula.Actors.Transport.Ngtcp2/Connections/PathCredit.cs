namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What a server may send to where its client seems to have moved before it has proved to be there: three times
/// what came from there (RFC 9000, section 8.1), less one byte.</summary>
/// <remarks>The library keeps to the three times by itself. But once all of that is sent it stops its loss timer, and starts
/// it again only when something is acknowledged or sent; when the congestion window is full too, nothing is, ever. So it is
/// never given room for the last byte. Counted as it counts, or more strictly.</remarks>
/// <param name="received">Bytes of the packet that came from there.</param>
internal sealed class PathCredit(int received)
{
    /// <summary>RFC 9000, section 8.2.1.</summary>
    public const int ChallengeLength = 8;

    private const byte PathResponse = 0x1b; // RFC 9000, section 19.18
    private const long Factor = 3;
    private const int MostChallenges = 8;

    private readonly byte[] _frames = new byte[MostChallenges * (1 + ChallengeLength)];
    private long _left = received * Factor;
    private int _challenges;

    public void Received(int length) => _left += length * Factor;

    public void Sent(int length) => _left -= length;

    /// <summary>How long the next packet may be.</summary>
    public int Room(int most) => (int)Math.Clamp(_left - 1, 0, most);

    /// <summary>This is about to be sent in a PATH_CHALLENGE.</summary>
    public void Challenged(ReadOnlySpan<byte> data)
    {
        var frame = Frame(_challenges++ % MostChallenges);
        frame[0] = PathResponse;
        data.CopyTo(frame[1..]);
    }

    /// <summary>Whether a packet answers a challenge. The library tells of that only where the challenge filled a packet of
    /// 1,200 bytes; what it lacks otherwise is a proof of the packet's size, not of the address.</summary>
    public bool IsProvedBy(ReadOnlySpan<byte> payload)
    {
        for (var i = 0; i < Math.Min(_challenges, MostChallenges); i++)
            if (payload.IndexOf(Frame(i)) >= 0) return true;
        return false;
    }

    private Span<byte> Frame(int number) => _frames.AsSpan(number * (1 + ChallengeLength), 1 + ChallengeLength);
}
