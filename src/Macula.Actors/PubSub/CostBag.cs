namespace Macula.Actors.PubSub;

/// <summary>Costs, of which it tells the largest.</summary>
/// <remarks>As long as all are alike, as most are, it allocates nothing. The others are in a sorted list: few of them
/// differ, for each different one has to be paid for.</remarks>
internal struct CostBag
{
    private SortedList<long, int>? _lower; // than the largest, with how often each is there
    private int _times; // that the largest is there

    /// <summary>0 when there is none.</summary>
    public long Max { get; private set; }

    public void Add(long cost)
    {
        if (cost < Max)
        {
            _lower ??= new SortedList<long, int>(1);
            _lower[cost] = _lower.GetValueOrDefault(cost) + 1;
            return;
        }

        if (cost > Max)
        {
            if (_times > 0) (_lower ??= new SortedList<long, int>(1)).Add(Max, _times);
            (Max, _times) = (cost, 0);
        }

        _times++;
    }

    /// <param name="cost">One that is there.</param>
    public void Remove(long cost)
    {
        if (cost < Max)
        {
            if (--_lower![cost] == 0) _lower.Remove(cost);
        }
        else if (--_times == 0)
        {
            Max = 0;
            if (_lower is null) return;
            var last = _lower.Count - 1;
            (Max, _times) = (_lower.GetKeyAtIndex(last), _lower.GetValueAtIndex(last));
            _lower.RemoveAt(last);
        }

        if (_lower is { Count: 0 }) _lower = null;
    }
}
