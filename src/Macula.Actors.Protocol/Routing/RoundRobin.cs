namespace Macula.Actors.Protocol;

/// <summary>Picks candidates in turn. The counter counts picks, not candidates, so a list that
/// changes between picks is met where the count says, as in the reference.</summary>
public struct RoundRobin
{
    private uint _picks;

    /// <summary>Index of the next candidate.</summary>
    /// <param name="candidates">How many there are, from 1.</param>
    public int Next(int candidates)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(candidates, 1);
        return (int)(_picks++ % (uint)candidates);
    }
}
