using Akka.Actor;
using CsCheck;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.PubSub;

public sealed class StepAllowancesSpecs
{
    private static readonly IActorRef Client = ActorRefs.Nobody;

    [Fact]
    public void Who_has_taken_all_has_none_and_all_again_after_a_second()
    {
        var steps = new StepAllowances(100_000);
        Assert.Equal(100_000, steps.Left(Client, At(5)));
        steps.Take(Client, 100_000, At(5));
        Assert.Equal(0, steps.Left(Client, At(5)));
        Assert.Equal(25_000, steps.Left(Client, At(5.25)));
        Assert.Equal(100_000, steps.Left(Client, At(6)));
        Assert.Equal(100_000, steps.Left(Client, At(1000)));
    }

    [Fact]
    public void Only_those_who_do_not_have_all_are_remembered()
    {
        var steps = new StepAllowances(10);
        steps.Take(Client, 0, At(0));
        Assert.Equal(0, steps.Count);

        steps.Take(Client, 5, At(0));
        Assert.True(steps.Has(Client));
        Assert.Empty(steps.RemoveFull(At(0.4)));
        Assert.Equal([Client], steps.RemoveFull(At(0.5)));
        Assert.Equal(0, steps.Count);

        steps.Take(Client, 5, At(1));
        steps.Remove(Client);
        Assert.Equal((0, 10), (steps.Count, steps.Left(Client, At(1))));
    }

    [Fact]
    public void However_it_takes_them_a_client_gets_no_more_than_all_and_as_many_again_each_second()
    {
        Gen.Select(Gen.Int[1, 100_000_000], Gen.Select(Gen.Double[0, 1], Gen.Double[0, 0.1]).Array[1, 100]).Sample(
            (most, times) =>
            {
                var (steps, now, taken) = (new StepAllowances(most), At(0), 0L);
                foreach (var (share, passes) in times)
                {
                    now += At(passes);
                    var left = steps.Left(Client, now);
                    Assert.InRange(left, 0, most);
                    steps.Take(Client, (int)(left * share), now);
                    taken += (int)(left * share);
                    Assert.InRange(taken, 0, most * (1 + now.TotalSeconds));
                }

                Assert.Equal(most, steps.Left(Client, now + StepAllowances.Refill));
            });
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
