using Macula.Actors.Bounded;

namespace Macula.Actors.Tests.Bounded;

public sealed class BoundedTableSpecs
{
    [Fact]
    public void It_knows_its_size_its_highest_and_how_many_were_turned_away()
    {
        var table = new BoundedTable("things", 3);
        table.Set(2);
        table.Set(3);
        table.Set(1);
        table.Reject();
        table.Reject("too_large");
        table.Reject("too_large");
        table.Evicted();
        table.Expired(4);

        Assert.Equal(("things", 1, 3, 3), (table.Name, table.Size, table.Limit, table.HighWater));
        Assert.Equal((1, 4, 3), (table.Evictions, table.Expiries, table.Rejected));
        Assert.Equal([("full", 1), ("too_large", 2)], table.Rejections.Select(each => (each.Key, each.Value)));
    }

    [Fact]
    public void It_is_filled_to_the_last_place_and_no_further()
    {
        var table = new BoundedTable("things", 2);

        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => table.TryAdd()));
        table.Remove();
        Assert.True(table.TryAdd());
        Assert.Equal((2, 2, 1), (table.Size, table.HighWater, table.Rejected));
    }

    [Fact]
    public void Several_owners_never_get_more_than_there_are_places()
    {
        var table = new BoundedTable("things", 100);
        var added = 0;
        Parallel.For(0, 1000, _ =>
        {
            if (table.TryAdd()) Interlocked.Increment(ref added);
        });

        Assert.Equal((100, 100, 100, 900), (added, table.Size, table.HighWater, table.Rejected));
    }

    [Fact]
    public void The_census_lists_tables_by_name_and_who_restarts_goes_on_with_the_counts()
    {
        var census = new TableCensus();
        census.Add("b", 3).Set(1);
        census.Add("a", 2);
        census.Add("b", 3).Reject();

        Assert.Equal(
            [("a", 2, 0, 0, 0), ("b", 3, 0, 1, 1)],
            census.Tables.Select(t => (t.Name, t.Limit, t.Size, t.HighWater, t.Rejected)));
        Assert.Throws<ArgumentException>(() => census.Add("b", 4));
    }

    [Fact]
    public void A_throttle_lets_one_line_through_per_interval_and_counts_the_rest()
    {
        var throttle = new LogThrottle(TimeSpan.FromSeconds(1));

        Assert.True(throttle.Admits(TimeSpan.FromSeconds(10), out var suppressed));
        Assert.Equal(0, suppressed);
        Assert.False(throttle.Admits(TimeSpan.FromSeconds(10.5), out _));
        Assert.False(throttle.Admits(TimeSpan.FromSeconds(10.9), out _));
        Assert.True(throttle.Admits(TimeSpan.FromSeconds(11), out suppressed));
        Assert.Equal(2, suppressed);
        Assert.False(throttle.Admits(TimeSpan.FromSeconds(11.1), out _));
    }
}
