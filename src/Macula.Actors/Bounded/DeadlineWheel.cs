namespace Macula.Actors.Bounded;

/// <summary>Deadlines of many entries: setting and lifting one is O(1), and expiry costs only what expires.</summary>
/// <remarks>A hashed wheel with intrusive lists. A deadline fires at the first <see cref="Expire"/> at or after it, at
/// most one resolution late. It holds exactly the deadlines that are set: a lifted one leaves nothing behind. Not
/// thread-safe: it belongs to one actor, which says what time it is.</remarks>
public sealed class DeadlineWheel<T>
{
    private readonly Deadline?[] _slots;
    private readonly long _resolution;
    private long _tick;

    /// <param name="resolution">The width of a slot; above 0.</param>
    /// <param name="now">The time at the start.</param>
    /// <param name="slots">A power of two; deadlines further away than slots times resolution cost one more look per
    /// turn of the wheel.</param>
    public DeadlineWheel(TimeSpan resolution, TimeSpan now, int slots = 512)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(resolution, TimeSpan.Zero);
        if (!int.IsPow2(slots)) throw new ArgumentOutOfRangeException(nameof(slots), slots, "must be a power of two");
        _resolution = resolution.Ticks;
        _slots = new Deadline?[slots];
        _tick = now.Ticks / _resolution;
    }

    /// <summary>Deadlines that are set.</summary>
    public int Count { get; private set; }

    /// <summary>Sets a deadline for a value; hold the result to lift it.</summary>
    public Deadline Set(T value, TimeSpan at)
    {
        // Rounded up, so that nothing fires early; never into a slot that was already passed.
        var due = Math.Max((at.Ticks + _resolution - 1) / _resolution, _tick + 1);
        var deadline = new Deadline(value, due);
        ref var head = ref _slots[due & (_slots.Length - 1)];
        deadline.Next = head;
        if (head is not null) head.Previous = deadline;
        head = deadline;
        Count++;
        return deadline;
    }

    /// <summary>Takes a deadline back. Lifting one that fired or was lifted does nothing.</summary>
    public void Lift(Deadline deadline)
    {
        ArgumentNullException.ThrowIfNull(deadline);
        if (!deadline.IsSet) return;
        deadline.IsSet = false;
        if (deadline.Previous is { } previous) previous.Next = deadline.Next;
        else _slots[deadline.Due & (_slots.Length - 1)] = deadline.Next;
        if (deadline.Next is { } next) next.Previous = deadline.Previous;
        deadline.Previous = deadline.Next = null;
        Count--;
    }

    /// <summary>Removes what is due and tells <paramref name="expired"/> of each, which may set and lift deadlines.</summary>
    /// <returns>How many were due.</returns>
    public int Expire(TimeSpan now, Action<T> expired)
    {
        ArgumentNullException.ThrowIfNull(expired);
        var target = now.Ticks / _resolution;
        var count = 0;
        // After a long sleep one turn of the wheel meets every slot; more turns would meet them again.
        if (target - _tick > _slots.Length) _tick = target - _slots.Length;
        while (_tick < target)
        {
            _tick++;
            count += ExpireSlot(_slots[_tick & (_slots.Length - 1)], target, expired);
        }

        return count;
    }

    private int ExpireSlot(Deadline? head, long target, Action<T> expired)
    {
        List<Deadline>? due = null;
        for (var at = head; at is not null; at = at.Next)
            if (at.Due <= target) (due ??= []).Add(at);
        if (due is null) return 0;

        var count = 0;
        foreach (var deadline in due)
        {
            if (!deadline.IsSet) continue; // lifted by an earlier one of this round
            Lift(deadline);
            count++;
            expired(deadline.Value);
        }

        return count;
    }

    /// <summary>One deadline that was set.</summary>
    public sealed class Deadline
    {
        internal Deadline(T value, long due) => (Value, Due) = (value, due);

        public T Value { get; }

        /// <summary>False once it fired or was lifted.</summary>
        public bool IsSet { get; internal set; } = true;

        internal long Due { get; }

        internal Deadline? Previous { get; set; }

        internal Deadline? Next { get; set; }
    }
}
