using System.Collections.Concurrent;

namespace Macula.Actors.Bounded;

/// <summary>All bounded tables of one node, by name. Bounded itself: tables are made at start, not by peers.</summary>
public sealed class TableCensus
{
    private readonly ConcurrentDictionary<string, IBoundedTable> _tables = new(StringComparer.Ordinal);

    /// <summary>The tables in the order of their names.</summary>
    public IReadOnlyList<IBoundedTable> Tables =>
        [.. _tables.Values.OrderBy(table => table.Name, StringComparer.Ordinal)];

    /// <summary>Makes and enters a table. An actor that restarts replaces the one of its predecessor.</summary>
    public BoundedTable Add(string name, long limit)
    {
        var table = new BoundedTable(name, limit);
        _tables[name] = table;
        return table;
    }
}
