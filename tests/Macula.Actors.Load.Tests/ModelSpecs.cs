using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load.Tests;

/// <summary>What scenarios hold the node against.</summary>
public sealed class ModelSpecs
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(6), Slack = TimeSpan.FromSeconds(1), Sweep = TimeSpan.FromSeconds(2);

    [Fact]
    public void The_least_recently_used_gives_way()
    {
        var pool = new LruModel(2);

        Assert.Null(pool.Use(1));
        Assert.Null(pool.Use(2));
        Assert.Null(pool.Use(1)); // so 2 is the one
        Assert.Equal(2, pool.Use(3));
        Assert.Equal(1, pool.Use(2));
        Assert.Equal([2, 3], pool.Held.Order());
    }

    [Fact]
    public void A_renewed_service_is_there_until_it_is_no_longer_renewed()
    {
        var lease = new Lease(0, Fate.Abandoned, At(1), At(4), Ttl);
        Assert.Equal(At(1), lease.Due);
        Assert.Equal(6, lease.Act(At(1)));
        Assert.Equal(At(3), lease.Due);
        Assert.Equal(6, lease.Act(At(3)));
        Assert.Null(lease.Due); // 5 s would be after its fate

        Assert.False(lease.IsSurelyThere(At(1.5), At(1.6), Slack)); // it may be on its way
        Assert.True(lease.IsSurelyThere(At(2), At(8.9), Slack));
        Assert.False(lease.IsSurelyThere(At(2), At(9), Slack));
        Assert.False(lease.IsSurelyGone(At(10), Slack));
        Assert.True(lease.IsSurelyGone(At(10.1), Slack));
        Assert.True(lease.MayBeHeld(At(12), Slack, Sweep));
        Assert.False(lease.MayBeHeld(At(12.1), Slack, Sweep));
    }

    [Fact]
    public void A_withdrawn_service_is_gone_at_once()
    {
        var lease = new Lease(0, Fate.Withdrawn, At(1), At(2), Ttl);
        lease.Act(At(1));
        Assert.Equal(At(2), lease.Due);
        Assert.Equal(0, lease.Act(At(2)));
        Assert.Null(lease.Due);

        Assert.False(lease.IsSurelyThere(At(2.1), At(2.2), TimeSpan.Zero));
        Assert.False(lease.IsSurelyGone(At(3), Slack));
        Assert.True(lease.IsSurelyGone(At(3.1), Slack));
        Assert.False(lease.MayBeHeld(At(3.1), Slack, Sweep));
    }

    [Fact]
    public void A_service_that_was_never_advertised_is_neither_there_nor_gone_nor_held()
    {
        var lease = new Lease(0, Fate.Renewed, At(5), At(9), Ttl);

        Assert.False(lease.IsSurelyThere(At(1), At(2), Slack));
        Assert.False(lease.IsSurelyGone(At(1), Slack));
        Assert.False(lease.MayBeHeld(At(1), Slack, Sweep));
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
