namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>So many answers to strangers a second and no more (RFC 9000, section 10.3.2): a flood of nonsense must not
/// buy a flood of packets. Any thread.</summary>
internal sealed class AnswerBudget
{
    /// <summary>Answers that need no connection, a second: resets, refusals, versions. Not Retry packets: they are what
    /// honest clients get in under a flood.</summary>
    public const int PerSecond = 1000;

    private const ulong Second = 1_000_000_000;

    private readonly Lock _gate = new();
    private ulong _until;
    private int _left;

    /// <summary>False when this second's are used up.</summary>
    public bool TryTake(ulong now)
    {
        lock (_gate)
        {
            if (now >= _until) (_until, _left) = (now + Second, PerSecond);
            if (_left == 0) return false;
            _left--;
            return true;
        }
    }
}
