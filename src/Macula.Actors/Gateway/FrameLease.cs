namespace Macula.Actors.Gateway;

/// <summary>The credit that one frame of a peer holds while it is on its way through the node. Whoever handles the
/// frame last returns it; until then the peer's reader has that much less to read.</summary>
public readonly record struct FrameLease
{
    private readonly ReadCredit? _credit;
    private readonly int _bytes;

    internal FrameLease(ReadCredit credit, int bytes) => (_credit, _bytes) = (credit, bytes);

    /// <summary>Returns the credit. Exactly once per lease; a default lease holds none.</summary>
    public void Return() => _credit?.Return(_bytes);
}

/// <summary>A message on behalf of a peer, with the credit that its frame holds.</summary>
public interface ILeased
{
    FrameLease Lease { get; }
}
