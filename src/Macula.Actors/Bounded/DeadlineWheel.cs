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
    private Deadline? _next; // to be looked at by the expiry that goes on

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
        var deadline = new Deadline(value);
        Renew(deadline, at);
        return deadline;
    }

    /// <summary>Sets a deadline, again or for the first time; one that is set is moved.</summary>
    public void Renew(Deadline deadline, TimeSpan at)
    {
        ArgumentNullException.ThrowIfNull(deadline);
        Lift(deadline);
        // Rounded up, so that nothing fires early; never into a slot that was already passed.
        deadline.Due = Math.Max((at.Ticks + _resolution - 1) / _resolution, _tick + 1);
        deadline.IsSet = true;
        ref var head = ref _slots[deadline.Due & (_slots.Length - 1)];
        deadline.Next = head;
        if (head is not null) head.Previous = deadline;
        head = deadline;
        Count++;
    }

    /// <summary>Takes a deadline back. Lifting one that fired or was lifted does nothing.</summary>
    public void Lift(Deadline deadline)
    {
        ArgumentNullException.ThrowIfNull(deadline);
        if (!deadline.IsSet) return;
        deadline.IsSet = false;
        if (ReferenceEquals(deadline, _next)) _next = deadline.Next;
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
        var count = 0;
        _next = head;
        while (_next is { } deadline)
        {
            _next = deadline.Next;
            if (deadline.Due > target) continue;
            Lift(deadline);
            count++;
            expired(deadline.Value);
        }

        return count;
    }

    /// <summary>One deadline. A value that has one all its life may derive from this, so that setting it allocates
    /// nothing.</summary>
    public class Deadline
    {
        public Deadline(T value) => Value = value;

        /// <summary>A deadline that is its own value: <typeparamref name="T"/> is the deriving class.</summary>
        protected Deadline() => Value = (T)(object)this;

        public T Value { get; }

        /// <summary>False before it was set, and once it fired or was lifted.</summary>
        public bool IsSet { get; internal set; }

        internal long Due { get; set; }

        internal Deadline? Previous { get; set; }

        internal Deadline? Next { get; set; }
    }
}
