namespace Macula.Actors.Load.Scenarios;

/// <summary>A service and the truth about it, as far as its provider can know: times since the scenario began.</summary>
/// <param name="at">When it is first advertised.</param>
/// <param name="until">When its fate comes.</param>
internal sealed class Lease(int number, Fate fate, TimeSpan at, TimeSpan until, TimeSpan ttl)
{
    private TimeSpan? _first;
    private TimeSpan? _sent;
    private TimeSpan? _withdrawn;

    public int Number => number;

    /// <summary>When something has to be done for it again; null: never.</summary>
    public TimeSpan? Due => _sent is null ? at
        : _withdrawn is not null ? null
        : Next;

    /// <summary>Advertised, renewed or withdrawn just now.</summary>
    /// <returns>The time to live to send, of whole seconds; 0 withdraws.</returns>
    public int Act(TimeSpan now)
    {
        if (_sent is not null && fate == Fate.Withdrawn && now >= until)
        {
            _withdrawn = now;
            return 0;
        }

        _first ??= now;
        _sent = now;
        return (int)ttl.TotalSeconds;
    }

    /// <summary>Whether it can be found for certain from one instant to the other.</summary>
    /// <param name="slack">How long a frame may be on its way.</param>
    public bool IsSurelyThere(TimeSpan from, TimeSpan to, TimeSpan slack) =>
        _sent is { } sent && _first + slack <= from && sent + ttl > to && _withdrawn is null;

    /// <summary>Whether it cannot be found for certain at an instant.</summary>
    public bool IsSurelyGone(TimeSpan from, TimeSpan slack) =>
        _sent is { } sent && (sent + ttl + slack < from || _withdrawn + slack < from);

    /// <summary>Whether the table may still hold it, be it only until the next sweep.</summary>
    public bool MayBeHeld(TimeSpan from, TimeSpan slack, TimeSpan sweep) =>
        _sent is { } sent && sent + ttl + sweep + slack >= from && !(_withdrawn + slack < from);

    // A third of the time to live leaves two more tries.
    private TimeSpan? Next
    {
        get
        {
            var renewal = _sent!.Value + (ttl / 3);
            return fate switch
            {
                Fate.Withdrawn when renewal > until => until,
                Fate.Withdrawn => renewal,
                _ => renewal < until ? renewal : null,
            };
        }
    }
}
