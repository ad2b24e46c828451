using CsCheck;
using Macula.Actors.Bounded;

namespace Macula.Actors.Tests.Bounded;

public sealed class DeadlineWheelSpecs
{
    private static readonly TimeSpan Start = TimeSpan.FromHours(3);

    private readonly DeadlineWheel<string> _wheel = new(Ms(10), Start, slots: 8);

    [Fact]
    public void A_deadline_fires_once_at_its_time_and_not_before()
    {
        _wheel.Set("a", Start + Ms(25));

        Assert.Equal([], Expire(20));
        Assert.Equal(["a"], Expire(30));
        Assert.Equal([], Expire(1000));
        Assert.Equal(0, _wheel.Count);
    }

    [Fact]
    public void A_deadline_that_is_over_already_fires_at_the_next_tick()
    {
        _wheel.Set("late", Start - Ms(500));

        Assert.Equal(["late"], Expire(10));
    }

    [Fact]
    public void One_that_is_turns_of_the_wheel_away_waits_for_its_turn()
    {
        _wheel.Set("far", Start + Ms(10 * 8 * 5));
        for (var at = 10; at < 400; at += 10) Assert.Equal([], Expire(at));

        Assert.Equal(["far"], Expire(400));
    }

    [Fact]
    public void After_a_long_sleep_all_that_is_due_fires_and_nothing_else()
    {
        for (var i = 1; i <= 100; i++) _wheel.Set($"{i}", Start + Ms(10 * i));

        Assert.Equal(60, Expire(600).Count);
        Assert.Equal(40, _wheel.Count);
    }

    [Fact]
    public void A_lifted_one_leaves_nothing_behind_and_lifting_twice_does_nothing()
    {
        var (a, b, c) = (_wheel.Set("a", Start + Ms(10)), _wheel.Set("b", Start + Ms(10)), _wheel.Set("c", Start + Ms(10)));
        _wheel.Lift(b);
        _wheel.Lift(b);

        Assert.Equal(2, _wheel.Count);
        Assert.False(b.IsSet);
        Assert.Equal(["a", "c"], Expire(10).Order());
        _wheel.Lift(a);
        _wheel.Lift(c);
        Assert.Equal(0, _wheel.Count);
    }

    [Fact]
    public void Whoever_is_told_may_lift_the_others_of_the_same_round()
    {
        Dictionary<string, DeadlineWheel<string>.Deadline> set = [];
        foreach (var name in (string[])["a", "b"]) set[name] = _wheel.Set(name, Start + Ms(10));
        List<string> fired = [];

        _wheel.Expire(Start + Ms(10), name =>
        {
            fired.Add(name);
            foreach (var each in set.Values) _wheel.Lift(each);
        });

        Assert.Single(fired);
        Assert.Equal(0, _wheel.Count);
    }

    [Fact]
    public void Whoever_is_told_may_set_another_even_for_now()
    {
        _wheel.Set("again", Start + Ms(10));
        var rounds = 0;
        for (var at = 10; at <= 50; at += 10)
        {
            _wheel.Expire(Start + Ms(at), name =>
            {
                rounds++;
                _wheel.Set(name, Start);
            });
        }

        Assert.Equal((5, 1), (rounds, _wheel.Count));
    }

    [Fact]
    public void It_fires_what_a_sorted_list_would_fire()
    {
        var step = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 400], Gen.Int[0, 20]);
        step.Array[1, 60].Sample(steps =>
        {
            var wheel = new DeadlineWheel<int>(Ms(10), Start, slots: 8);
            var model = new Dictionary<int, (TimeSpan At, DeadlineWheel<int>.Deadline Handle)>();
            var (now, next) = (Start, 0);
            foreach (var (kind, delay, which) in steps)
            {
                if (kind is 0 or 1)
                {
                    var at = now + Ms(delay);
                    model[next] = (at, wheel.Set(next, at));
                    next++;
                }
                else if (kind == 2)
                {
                    if (model.Remove(which, out var lifted)) wheel.Lift(lifted.Handle);
                }
                else
                {
                    now += Ms(delay);
                    List<int> fired = [];
                    var count = wheel.Expire(now, fired.Add);
                    Assert.Equal(fired.Count, count);
                    Assert.All(fired, each => Assert.True(model.Remove(each, out var due) && due.At <= now));
                    // At most one resolution late.
                    Assert.All(model.Values, each => Assert.True(each.At > now - Ms(10)));
                }

                Assert.Equal(model.Count, wheel.Count);
            }
        });

    }

    [Fact]
    public void Settings_that_cannot_work_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeadlineWheel<string>(TimeSpan.Zero, Start));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeadlineWheel<string>(Ms(1), Start, slots: 7));
    }

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private List<string> Expire(int milliseconds)
    {
        List<string> fired = [];
        var count = _wheel.Expire(Start + Ms(milliseconds), fired.Add);
        Assert.Equal(fired.Count, count);
        return fired;
    }
}
