namespace Macula.Actors.Client.Internal;

/// <summary>Whom to connect to, in turn. Not safe for concurrent use.</summary>
/// <param name="list">Separated by commas.</param>
/// <param name="time">Measures how long servers are left alone.</param>
internal sealed class Servers(string list, TimeProvider time)
{
    private readonly Server[] _all =
        [.. list.Split(',', StringSplitOptions.TrimEntries).Select(address => new Server(address))];

    private readonly long _start = time.GetTimestamp();
    private int _last = -1;

    public int Count => _all.Length;

    /// <summary>The next one that did not ask to be left alone, or the one whose wait ends first.
    /// </summary>
    public (string Address, TimeSpan Wait) Next()
    {
        var now = time.GetElapsedTime(_start);
        _last = Enumerable.Range(_last + 1, Count)
            .Select(turn => turn % Count)
            .MinBy(each => Wait(each)); // of those that are equal it is the first
        return (_all[_last].Address, Wait(_last));

        TimeSpan Wait(int index) => _all[index].RestsUntil > now ? _all[index].RestsUntil - now : TimeSpan.Zero;
    }

    /// <summary>The one that was next has ended it, and asks to be left alone for so long.</summary>
    public void LeaveAlone(TimeSpan? retryAfter)
    {
        if (retryAfter is { } wait) _all[_last].RestsUntil = time.GetElapsedTime(_start) + wait;
    }

    private sealed class Server(string address)
    {
        public string Address { get; } = address;

        public TimeSpan RestsUntil { get; set; }
    }
}
