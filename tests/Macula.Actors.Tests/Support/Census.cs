using Macula.Actors.Bounded;

namespace Macula.Actors.Tests;

internal static class Census
{
    public static IBoundedTable Table(this TableCensus census, string name) =>
        census.Tables.Single(table => table.Name == name);

    public static long Size(this TableCensus census, string name) => census.Table(name).Size;
}
