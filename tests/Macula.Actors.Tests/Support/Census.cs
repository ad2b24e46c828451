using Macula.Actors.Bounded;

namespace Macula.Actors.Tests;

internal static class Census
{
    public static IBoundedTable Table(this TableCensus census, string name) =>
        census.Tables.Single(table => table.Name == name);

    /// <summary>Below 0: its actor is starting again.</summary>
    public static long Size(this TableCensus census, string name) =>
        census.Tables.SingleOrDefault(table => table.Name == name)?.Size ?? -1;
}
