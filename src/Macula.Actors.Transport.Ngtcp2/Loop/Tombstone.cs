namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>What is left of a connection while it is closing or draining (RFC 9000, section 10.2): its ids, a deadline
/// and, when this side closed, the packet to answer with. Everything native is gone already.</summary>
internal sealed class Tombstone(Endpoint endpoint, IReadOnlyList<CidKey> ids, byte[]? closePacket, ulong deadline)
    : Route
{
    private uint _received;

    public IReadOnlyList<CidKey> Ids => ids;

    public override void OnTimer(ulong now)
    {
        if (now >= deadline) endpoint.Bury(this);
        else endpoint.Timers.Set(this, deadline);
    }

    /// <summary>The packet to answer with, for the 1st, 2nd, 4th, 8th… that came; else nothing.</summary>
    public ReadOnlySpan<byte> Answer()
    {
        _received++;
        return closePacket is not null && (_received & (_received - 1)) == 0 ? closePacket : [];
    }
}
