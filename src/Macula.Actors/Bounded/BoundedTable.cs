using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Macula.Actors.Bounded;

/// <summary>What a bounded structure reports about itself. Metrics, diagnostics, the memory guard and the admin side are
/// built on this alone, so that a new table appears everywhere by itself. Read from any thread.</summary>
public interface IBoundedTable
{
    /// <summary>Dotted name, such as <c>clients</c> or <c>rpc.pending_calls</c>; unique in a node.</summary>
    string Name { get; }

    /// <summary>Entries now.</summary>
    long Size { get; }

    /// <summary>The most entries there may be.</summary>
    long Limit { get; }

    /// <summary>The most entries there have been since the start.</summary>
    long HighWater { get; }

    /// <summary>Entries that gave way to newer ones.</summary>
    long Evictions { get; }

    /// <summary>Entries whose time was over.</summary>
    long Expiries { get; }

    /// <summary>Entries that were not taken, by the reason: a short list of snake_case words.</summary>
    IReadOnlyList<KeyValuePair<string, long>> Rejections { get; }

    /// <summary>The sum of <see cref="Rejections"/>.</summary>
    long Rejected { get; }
}

/// <summary>Counts the entries of one table against its limit. One actor sets the size, or several add and remove; any
/// thread reads.</summary>
public sealed class BoundedTable(string name, long limit) : IBoundedTable
{
    /// <summary>The reason of a rejection by the limit itself.</summary>
    public const string Full = "full";

    private readonly ConcurrentDictionary<string, StrongBox<long>> _rejections = new(StringComparer.Ordinal);
    private long _size;
    private long _highWater;
    private long _evictions;
    private long _expiries;

    public string Name { get; } = name;

    public long Limit { get; } = limit;

    public long Size => Volatile.Read(ref _size);

    public long HighWater => Volatile.Read(ref _highWater);

    public long Evictions => Volatile.Read(ref _evictions);

    public long Expiries => Volatile.Read(ref _expiries);

    public IReadOnlyList<KeyValuePair<string, long>> Rejections =>
        [.. _rejections.Select(each => KeyValuePair.Create(each.Key, Volatile.Read(ref each.Value.Value)))
            .OrderBy(each => each.Key, StringComparer.Ordinal)];

    public long Rejected => _rejections.Sum(each => Volatile.Read(ref each.Value.Value));

    /// <summary>Takes the size that the table has now.</summary>
    public void Set(long size)
    {
        Volatile.Write(ref _size, size);
        RaiseHighWater(size);
    }

    /// <summary>Counts one entry in, unless the table is full: then it is counted as rejected.</summary>
    public bool TryAdd()
    {
        var size = Size;
        while (size < Limit)
        {
            var found = Interlocked.CompareExchange(ref _size, size + 1, size);
            if (found == size)
            {
                RaiseHighWater(size + 1);
                return true;
            }

            size = found;
        }

        Reject();
        return false;
    }

    /// <summary>Counts one entry out.</summary>
    public void Remove() => Interlocked.Decrement(ref _size);

    /// <summary>Counts an entry that was not taken.</summary>
    /// <param name="reason">A constant in snake_case: it becomes a metric's tag.</param>
    public void Reject(string reason = Full) =>
        Interlocked.Increment(ref _rejections.GetOrAdd(reason, static _ => new StrongBox<long>()).Value);

    /// <summary>Counts entries that gave way to newer ones; the size is set apart.</summary>
    public void Evicted(long count = 1) => Interlocked.Add(ref _evictions, count);

    /// <summary>Counts entries whose time was over; the size is set apart.</summary>
    public void Expired(long count = 1) => Interlocked.Add(ref _expiries, count);

    private void RaiseHighWater(long size)
    {
        for (var high = HighWater; size > high;)
        {
            var found = Interlocked.CompareExchange(ref _highWater, size, high);
            if (found == high) return;
            high = found;
        }
    }
}
