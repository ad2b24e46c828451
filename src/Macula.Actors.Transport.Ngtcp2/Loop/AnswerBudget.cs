using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>So many answers to strangers a second and no more (RFC 9000, section 10.3.2): a flood of nonsense must not
/// buy a flood of packets. Any thread.</summary>
/// <remarks>Most of them anybody may use up. The others are for addresses that had few, so that a flood from a few
/// addresses does not keep the peers of lost connections from learning of it.</remarks>
internal sealed class AnswerBudget
{
    /// <summary>Answers that need no connection, a second: resets, refusals, versions. Not Retry packets: they are what
    /// honest clients get in under a flood.</summary>
    public const int PerSecond = 1000;

    /// <summary>Of these, those that are only for who had fewer than <see cref="Few"/>.</summary>
    public const int Reserved = PerSecond / 4;

    /// <summary>Answers in this second, to all addresses of one seat.</summary>
    public const int Few = 10;

    private const ulong Second = 1_000_000_000;
    private const int Seats = 1024; // addresses share one by their hash, which nobody outside can foretell

    private readonly Lock _gate = new();
    private readonly byte[] _taken = new byte[Seats];
    private ulong _until;
    private int _left;

    /// <summary>False when this second's are used up, for this address.</summary>
    public bool TryTake(in NativeAddress remote, ulong now)
    {
        var seat = (uint)AddressKey.Of(remote).GetHashCode() % Seats;
        lock (_gate)
        {
            if (now >= _until)
            {
                (_until, _left) = (now + Second, PerSecond);
                _taken.AsSpan().Clear();
            }

            if (_left == 0 || (_left <= Reserved && _taken[seat] >= Few)) return false;
            _left--;
            if (_taken[seat] < Few) _taken[seat]++;
            return true;
        }
    }
}
