namespace Macula.Actors.Bounded;

/// <summary>Lets one line through per interval and counts the others, so that a flood of bad requests does not become a
/// flood of lines. Belongs to one actor.</summary>
public sealed class LogThrottle(TimeSpan interval)
{
    private TimeSpan? _last;
    private long _suppressed;

    /// <summary>Whether to log now.</summary>
    /// <param name="now">Time that only goes forward.</param>
    /// <param name="suppressed">When true: how many were held back since the last line.</param>
    public bool Admits(TimeSpan now, out long suppressed)
    {
        suppressed = _suppressed;
        if (_last is { } last && now - last < interval)
        {
            _suppressed++;
            return false;
        }

        (_last, _suppressed) = (now, 0);
        return true;
    }
}
