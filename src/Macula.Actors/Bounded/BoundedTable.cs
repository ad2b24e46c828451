namespace Macula.Actors.Bounded;

/// <summary>What a bounded structure reports about itself. Metrics, diagnostics and the admin side are built on this
/// alone, so that a new table appears everywhere by itself.</summary>
public interface IBoundedTable
{
    /// <summary>Dotted name, such as <c>clients</c> or <c>rpc.pending</c>; unique in a node.</summary>
    string Name { get; }

    /// <summary>Entries now. Read from any thread.</summary>
    long Size { get; }

    /// <summary>The most entries there may be.</summary>
    long Limit { get; }

    /// <summary>The most entries there have been since the start.</summary>
    long HighWater { get; }

    /// <summary>Entries that were refused because the table was full.</summary>
    long Rejected { get; }
}

/// <summary>Counts the entries of one table against its limit. One actor sets the size, or several add and remove; any
/// thread reads.</summary>
public sealed class BoundedTable(string name, long limit) : IBoundedTable
{
    private long _size;
    private long _highWater;
    private long _rejected;

    public string Name { get; } = name;

    public long Limit { get; } = limit;

    public long Size => Volatile.Read(ref _size);

    public long HighWater => Volatile.Read(ref _highWater);

    public long Rejected => Volatile.Read(ref _rejected);

    /// <summary>Takes the size that the table has now.</summary>
    public void Set(long size)
    {
        Volatile.Write(ref _size, size);
        RaiseHighWater(size);
    }

    /// <summary>Counts one entry in, unless the table is full: then it is counted as turned away.</summary>
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

    /// <summary>Counts an entry that was turned away.</summary>
    public void Reject(long count = 1) => Interlocked.Add(ref _rejected, count);

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
