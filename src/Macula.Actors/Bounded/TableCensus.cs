using System.Collections.Concurrent;

namespace Macula.Actors.Bounded;

/// <summary>All bounded tables of one node, by name. Bounded itself: tables are made at start, not by peers.</summary>
public sealed class TableCensus
{
    private readonly ConcurrentDictionary<string, BoundedTable> _tables = new(StringComparer.Ordinal);

    /// <summary>The tables in the order of their names.</summary>
    public IReadOnlyList<IBoundedTable> Tables =>
        [.. _tables.Values.OrderBy(table => table.Name, StringComparer.Ordinal)];

    /// <summary>Makes and enters a table. An actor that restarts goes on with the one of its predecessor, whose counts
    /// must not fall back; its size is 0 again.</summary>
    /// <exception cref="ArgumentException">There is a table of this name with another limit.</exception>
    public BoundedTable Add(string name, long limit)
    {
        var table = _tables.GetOrAdd(name, static (key, most) => new BoundedTable(key, most), limit);
        if (table.Limit != limit)
            throw new ArgumentException($"The table {name} has the limit {table.Limit}, not {limit}.", nameof(limit));

        table.Set(0);
        return table;
    }
}
