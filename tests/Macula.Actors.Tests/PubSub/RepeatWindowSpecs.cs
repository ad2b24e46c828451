using CsCheck;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;

namespace Macula.Actors.Tests.PubSub;

[Trait("Defect", "D54")]
public sealed class RepeatWindowSpecs
{
    private static readonly PubSubOptions Options = TestOptions.Defaults.PubSub with
    {
        DedupeWindow = TimeSpan.FromSeconds(30),
        MaxDedupeIdsPerClient = 3,
    };

    private readonly BoundedTable _table = new("pubsub.dedupe_ids", 5);
    private readonly RepeatWindow _window;

    public RepeatWindowSpecs() => _window = new RepeatWindow(Options, _table);

    [Fact]
    public void A_repeat_is_known_within_the_window_and_is_new_after_it()
    {
        Assert.True(Admits(1, 1, 0));
        Assert.False(Admits(1, 1, 5));
        Assert.False(Admits(1, 1, 29.999));
        Assert.True(Admits(1, 1, 30)); // a repeat does not lengthen it
        Assert.False(Admits(1, 1, 31));

        Assert.Equal((1, 1, 1), (_window.Count, _table.Size, _table.Expiries));
    }

    [Fact]
    public void An_id_is_of_its_stream_alone_and_a_message_without_one_is_never_a_repeat()
    {
        Assert.True(Admits(1, 1, 0));
        Assert.True(Admits(2, 1, 0));
        Assert.True(_window.Admits(1, default, At(0)));
        Assert.True(_window.Admits(1, default, At(0)));

        Assert.Equal(2, _table.Size);
    }

    [Fact]
    public void The_oldest_id_of_a_client_gives_way()
    {
        for (var i = 1; i <= 4; i++) Assert.True(Admits(i % 2, i, i));

        for (var i = 2; i <= 4; i++) Assert.False(Admits(i % 2, i, 5));
        Assert.True(Admits(1, 1, 5));
        Assert.Equal((3, 3, 2), (_window.Count, _table.Size, _table.Evictions));
    }

    [Fact]
    public void When_the_node_remembers_as_many_as_it_may_a_client_that_has_none_yet_gets_its_repeats_through()
    {
        var (second, third) = (new RepeatWindow(Options, _table), new RepeatWindow(Options, _table));
        for (var i = 0; i < 3; i++) Assert.True(Admits(1, i, 0));
        for (var i = 0; i < 2; i++) Assert.True(second.Admits(1, Id(i), At(0)));

        Assert.True(third.Admits(1, Id(1), At(0)));
        Assert.True(third.Admits(1, Id(1), At(0)));
        Assert.False(second.Admits(1, Id(1), At(0)));
        Assert.Equal((5, 2), (_table.Size, _table.Rejected));

        second.Clear();
        Assert.True(third.Admits(1, Id(1), At(0)));
        Assert.False(third.Admits(1, Id(1), At(0)));
    }

    [Fact]
    public void The_end_of_a_stream_frees_its_ids_and_leaves_those_of_the_others()
    {
        Admits(1, 1, 0);
        Admits(2, 1, 0);
        _window.StreamEnded(1);
        _window.StreamEnded(1);

        Assert.Equal((1, 1), (_window.Count, _table.Size));
        Assert.False(Admits(2, 1, 0));
        Assert.True(Admits(1, 1, 0));
        _window.Clear();
        Assert.Equal((0, 0), (_window.Count, _table.Size));
    }

    [Fact]
    public void With_a_bound_of_0_repeats_pass()
    {
        var window = new RepeatWindow(Options with { MaxDedupeIdsPerClient = 0 }, _table);

        Assert.True(window.Admits(1, Id(1), At(0)));
        Assert.True(window.Admits(1, Id(1), At(0)));
        Assert.Equal(0, _table.Size);
    }

    [Fact]
    public void It_does_what_a_list_of_the_last_ids_does()
    {
        var step = Gen.Select(Gen.Int[0, 9], Gen.Int[1, 3], Gen.Int[1, 6], Gen.Int[0, 20]);
        step.Array[1, 80].Sample(steps =>
        {
            var table = new BoundedTable("pubsub.dedupe_ids", 100);
            var (window, now) = (new RepeatWindow(Options, table), 0);
            List<(int Stream, int Id, int Due)> model = [];
            foreach (var (what, stream, id, pause) in steps)
            {
                now += pause;
                if (what == 0)
                {
                    model.RemoveAll(each => each.Stream == stream);
                    window.StreamEnded(stream);
                    continue;
                }

                model.RemoveAll(each => each.Due <= now);
                var isNew = !model.Exists(each => each.Stream == stream && each.Id == id);
                if (isNew && model.Count == 3) model.RemoveAt(0);
                if (isNew) model.Add((stream, id, now + 30));
                Assert.Equal(isNew, window.Admits(stream, Id(id), At(now)));
                Assert.Equal((model.Count, model.Count), (window.Count, table.Size));
            }

            window.Clear();
            Assert.Equal((0, 0), (window.Count, table.Size));
        });
    }

    private bool Admits(long stream, int id, double seconds) => _window.Admits(stream, Id(id), At(seconds));

    private static MessageId Id(int counter) => MessageId.FromCounter((UInt128)(counter + 1));

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
