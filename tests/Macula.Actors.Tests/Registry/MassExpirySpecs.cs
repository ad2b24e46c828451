namespace Macula.Actors.Tests.Registry;

public abstract class MassExpiryKit(ITestOutputHelper log, bool guard) : RegistryKit(
    log, Options with { MaxServices = 1000, MaxServicesPerClient = 1000, MaxStoredBytes = 1_000_000, MassExpiryGuard = guard })
{
    private protected async Task<FakeSink> Advertise(string node, int services, int ttl = 100)
    {
        var sink = await Connect(node);
        await Renew(sink, node, services, ttl);
        return sink;
    }

    private protected async Task Renew(FakeSink sink, string node, int services, int ttl = 100)
    {
        for (var i = 0; i < services; i++) await Store(sink, node, Wire.Advertise($"{node}.{i}", node, ttl));
    }

    // As a process that is stopped: time passes, and then everything that waited happens at once.
    private protected async Task Stall(TimeSpan time)
    {
        this.Advance(time);
        await this.Handled(Registry);
    }

    private protected long Services => Census.Size("registry.services");
}

public sealed class MassExpirySpecs(ITestOutputHelper log) : MassExpiryKit(log, guard: true)
{
    [Fact]
    public async Task A_mass_of_leases_that_lapse_at_once_is_kept_for_one_more_interval_and_told_once()
    {
        await Advertise("p", 30);
        await EventFilter.Warning(contains: "30 of 30 services expired at once").ExpectAsync(1, SpecExtensions.Deadline, async () =>
        {
            await Stall(TimeSpan.FromSeconds(130));
            Assert.Equal(30, Services);
            Assert.Equal(["p"], await Found("p.7"));
            Assert.Equal(["p"], await Callable("p.7"));
            await Stall(Options.CleanupInterval - TimeSpan.FromMilliseconds(1));
            Assert.Equal(["p"], await Callable("p.7"));
        });

        await Stall(TimeSpan.FromMilliseconds(1)); // abandoned, or they would have been renewed
        Assert.Empty(await Callable("p.7"));
        Assert.Empty(await Found("p.7"));
        await Stall(Options.CleanupInterval);
        Assert.Equal((0, 30), (Services, Census.Table("registry.services").Expiries));
    }

    [Fact]
    public async Task Who_renews_in_that_interval_has_lost_nothing()
    {
        var p = await Advertise("p", 30);
        await Stall(TimeSpan.FromSeconds(130));
        await Renew(p, "p", 10);

        await Stall(Options.CleanupInterval);
        await Stall(TimeSpan.FromSeconds(30));

        Assert.Equal(["p"], await Callable("p.9"));
        Assert.Empty(await Callable("p.10"));
        Assert.Equal(10, Services);
    }

    [Fact]
    public async Task A_lookup_before_the_sweep_finds_what_the_sweep_will_keep()
    {
        await Advertise("p", 30);
        await Stall(TimeSpan.FromSeconds(1)); // so that no sweep is due with what follows
        this.Advance(TimeSpan.FromSeconds(58));
        this.Advance(TimeSpan.FromSeconds(1));
        this.Advance(TimeSpan.FromSeconds(45));

        Assert.Equal(["p"], await Callable("p.7"));
        Assert.Equal(["p"], await Found("p.8"));
    }

    [Fact]
    public async Task Half_of_all_are_no_mass_and_go_at_once()
    {
        await Advertise("p", 30, ttl: 10);
        await Advertise("q", 30);

        await Stall(Options.CleanupInterval);

        Assert.Equal(30, Services);
        Assert.Empty(await Found("p.7"));
    }

    [Fact]
    public async Task More_than_half_are_a_mass()
    {
        await Advertise("p", 31, ttl: 10);
        await Advertise("q", 30);

        await Stall(Options.CleanupInterval);

        Assert.Equal(61, Services);
        Assert.Equal(["p"], await Found("p.7"));
    }

    [Fact]
    public async Task Few_are_no_mass_even_when_they_are_all()
    {
        await Advertise("p", 19, ttl: 10);

        await Stall(Options.CleanupInterval);

        Assert.Equal(0, Services);
    }

    [Fact]
    public async Task Those_that_are_kept_do_not_make_others_a_mass_or_keep_them_from_being_one()
    {
        await Advertise("p", 30, ttl: 10);
        await Stall(Options.CleanupInterval);
        Assert.Equal(30, Services);
        await Advertise("q", 20, ttl: 10);
        await Advertise("r", 30);

        await Stall(Options.CleanupInterval); // p has had its time; q is not most of q and r
        await Stall(Options.CleanupInterval - TimeSpan.FromSeconds(30));

        Assert.Equal(30, Services);
        Assert.Equal(["r"], await Found("r.7"));
    }

    [Fact]
    public async Task What_is_kept_can_still_be_withdrawn_and_ends_with_its_client()
    {
        var p = await Advertise("p", 30);
        await Stall(TimeSpan.FromSeconds(130));

        await Store(p, "p", Wire.Advertise("p.3", "p", ttl: 0));
        Assert.Empty(await Found("p.3"));
        Assert.Equal(29, Services);
        await this.End(p.Connection);
        await this.Eventually(() => Services == 0);
    }
}

public sealed class NoMassExpiryGuardSpecs(ITestOutputHelper log) : MassExpiryKit(log, guard: false)
{
    [Fact]
    public async Task Without_the_guard_all_go_at_once()
    {
        await Advertise("p", 30);

        await Stall(TimeSpan.FromSeconds(130));

        Assert.Empty(await Callable("p.7"));
        Assert.Equal((0, 0), (Services, Census.Size("registry.bytes")));
    }
}
