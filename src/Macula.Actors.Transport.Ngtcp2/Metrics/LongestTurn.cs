namespace Macula.Actors.Transport.Ngtcp2.Metrics;

/// <summary>The longest time that a loop worked without looking at its socket, of the last 10 to 20 seconds.</summary>
internal sealed class LongestTurn
{
    private const ulong Window = 10_000_000_000;

    private readonly Lock _gate = new();
    private ulong _until;
    private ulong _before;
    private ulong _current;

    public double Seconds
    {
        get
        {
            lock (_gate)
            {
                Move(Loop.Endpoint.Now);
                return Math.Max(_before, _current) / 1e9;
            }
        }
    }

    /// <param name="duration">Nanoseconds.</param>
    /// <param name="now">When it ended.</param>
    public void Note(ulong duration, ulong now)
    {
        // Most turns are no longer than one before, and need no lock.
        if (duration <= Volatile.Read(ref _current) && now < Volatile.Read(ref _until)) return;
        lock (_gate)
        {
            Move(now);
            _current = Math.Max(_current, duration);
        }
    }

    private void Move(ulong now)
    {
        if (now < _until) return;
        _before = now < _until + Window ? _current : 0;
        _current = 0;
        Volatile.Write(ref _until, now + Window);
    }
}
