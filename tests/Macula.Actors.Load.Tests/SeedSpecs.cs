using Macula.Actors.Load.Scenarios;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Tests;

public sealed class SeedSpecs
{
    [Fact]
    public void The_same_seed_is_the_same_run()
    {
        var (one, same) = (new Seeded(7, "streams"), new Seeded(7, "streams"));

        Assert.Equal(one.Id(3), same.Id(3));
        Assert.Equal(one.Choose(5, 100), same.Choose(5, 100));
        Assert.Equal(one.Choose(5, 100), same.Choose(5, 100));
        Assert.Equal(one.Random.Next(), same.Random.Next());
    }

    [Fact]
    public void Another_seed_or_scenario_is_another()
    {
        var one = new Seeded(7, "streams");

        Assert.NotEqual(one.Id(3), new Seeded(8, "streams").Id(3));
        Assert.NotEqual(one.Id(3), new Seeded(7, "clients").Id(3));
        Assert.NotEqual(one.Id(3), one.Id(4));
        Assert.NotEqual(one.Id(3), one.Id(3, "probe"));
        Assert.NotEqual(one.Choose(20, 1000), new Seeded(8, "streams").Choose(20, 1000));
    }

    [Fact]
    public void Those_who_are_chosen_are_different_and_within()
    {
        var chosen = new Seeded(1, "x").Choose(50, 60);

        Assert.Equal(50, chosen.Distinct().Count());
        Assert.All(chosen, each => Assert.InRange(each, 0, 59));
        Assert.Equal(chosen.Order(), chosen);
    }

    [Fact]
    public void What_becomes_of_services_is_the_seeds_decision()
    {
        var time = TimeSpan.FromSeconds(20);
        string Plan(long seed) => string.Join(' ', ServicesScenario
            .Plan(new Seeded(seed, "services"), 50, time, TimeSpan.FromSeconds(3)).Select(each => each.Due));

        Assert.Equal(Plan(1), Plan(1));
        Assert.NotEqual(Plan(1), Plan(2));
    }
}
