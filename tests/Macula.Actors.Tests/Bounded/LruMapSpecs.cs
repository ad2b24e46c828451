using CsCheck;
using Macula.Actors.Bounded;

namespace Macula.Actors.Tests.Bounded;

public sealed class LruMapSpecs
{
    private readonly LruMap<string, int> _map = new(3);

    [Fact]
    [Trait("Defect", "D30")]
    public void The_least_recently_used_one_is_the_next_to_give_way_also_within_the_same_instant()
    {
        foreach (var key in (string[])["a", "b", "c"]) _map.Add(key, 0, At(1));
        Assert.Equal("a", _map.Oldest?.Key);

        _map.Use(Entry("a"), At(1)); // the clock has not moved, the order has
        Assert.Equal("b", _map.Oldest?.Key);
        _map.Remove(Entry("b"));
        Assert.Equal("c", _map.Oldest?.Key);
    }

    [Fact]
    public void A_pinned_one_never_gives_way_and_is_the_most_recent_when_unpinned()
    {
        var (a, b) = (_map.Add("a", 0, At(1)), _map.Add("b", 0, At(2)));
        _map.Pin(a, At(3));
        _map.Pin(a, At(3));
        Assert.Equal(("b", 1, 1), (_map.Oldest?.Key, _map.Pinned, _map.Idle));

        _map.Pin(b, At(4));
        Assert.Null(_map.Oldest);
        _map.Unpin(a, At(5));
        Assert.Null(_map.Oldest); // pinned twice
        _map.Unpin(b, At(6));
        _map.Unpin(a, At(7));
        Assert.Equal(("b", 0), (_map.Oldest?.Key, _map.Pinned));
        Assert.Throws<InvalidOperationException>(() => _map.Unpin(a, At(8)));
    }

    [Fact]
    public void Expiry_takes_the_old_end_and_leaves_what_is_pinned()
    {
        var old = _map.Add("pinned", 0, At(1));
        _map.Add("old", 0, At(2));
        _map.Add("new", 0, At(9));
        _map.Pin(old, At(2));
        List<string> expired = [];

        Assert.Equal(1, _map.Expire(At(5), entry => expired.Add(entry.Key)));
        Assert.Equal(["old"], expired);
        Assert.Equal(2, _map.Count);
    }

    [Fact]
    public void A_removed_entry_never_touches_its_successor()
    {
        var first = _map.Add("a", 1, At(1));
        _map.Pin(first, At(1));
        Assert.True(_map.Remove(first));
        var second = _map.Add("a", 2, At(2));

        Assert.False(_map.Remove(first));
        _map.Unpin(first, At(3)); // its own pin, nobody else's
        _map.Use(first, At(3));
        Assert.Equal((1, 0, 0), (_map.Count, _map.Pinned, first.Pins));
        Assert.Same(second, _map.Oldest);
    }

    [Fact]
    public void It_is_filled_to_the_last_place_and_no_further()
    {
        foreach (var key in (string[])["a", "b", "c"]) _map.Add(key, 0, At(1));

        Assert.Throws<InvalidOperationException>(() => _map.Add("d", 0, At(2)));
        Assert.Equal((3, 3), (_map.Count, _map.Capacity));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LruMap<string, int>(0));
    }

    [Fact]
    public void It_does_what_a_sorted_list_would_do()
    {
        var step = Gen.Select(Gen.Int[0, 6], Gen.Int[0, 7], Gen.Int[0, 3]);
        step.Array[1, 80].Sample(steps =>
        {
            var map = new LruMap<int, int>(6);
            List<Model> model = []; // the least recently used first
            List<LruMap<int, int>.Entry> gone = [];
            var now = 0;
            foreach (var (kind, key, wait) in steps)
            {
                now += wait;
                Step(map, model, gone, kind, key, now);
                Same(map, model);
            }
        });
    }

    // What the map is, written down as plainly as possible.
    private sealed class Model(int key, int at)
    {
        public int Key => key;

        public int At { get; set; } = at;

        public int Pins { get; set; }
    }

    private static void Step(
        LruMap<int, int> map, List<Model> model, List<LruMap<int, int>.Entry> gone, int kind, int key, int now)
    {
        var known = model.Find(each => each.Key == key);
        if (known is null)
        {
            if (kind == 0 && gone.Count > 0) Assert.False(map.Remove(gone[key % gone.Count]));
            else if (model.Count == 6) Assert.Throws<InvalidOperationException>(() => map.Add(key, key, At(now)));
            else
            {
                map.Add(key, key, At(now));
                model.Add(new Model(key, now));
            }

            return;
        }

        Assert.True(map.TryGet(key, out var entry));
        switch (kind)
        {
            case 0 or 1:
                map.Use(entry, At(now));
                Renew();
                break;
            case 2:
                map.Pin(entry, At(now));
                known.Pins++;
                Renew();
                break;
            case 3 or 4 when known.Pins > 0:
                map.Unpin(entry, At(now));
                known.Pins--;
                Renew();
                break;
            case 5:
                Assert.True(map.Remove(entry));
                gone.Add(entry);
                model.Remove(known);
                break;
            default:
                List<int> expired = [];
                map.Expire(At(now - 5), each => expired.Add(each.Key));
                Assert.Equal(model.Where(each => each.Pins == 0 && each.At <= now - 5).Select(each => each.Key), expired);
                model.RemoveAll(each => expired.Contains(each.Key));
                break;
        }

        void Renew()
        {
            known.At = now;
            model.Remove(known);
            model.Add(known);
        }
    }

    private static void Same(LruMap<int, int> map, List<Model> model)
    {
        Assert.Equal(model.Select(each => each.Key).Order(), map.Entries.Select(entry => entry.Key).Order());
        Assert.Equal((model.Count, model.Count(each => each.Pins > 0)), (map.Count, map.Pinned));
        Assert.Equal(model.Find(each => each.Pins == 0)?.Key, map.Oldest?.Key);
        foreach (var each in model)
        {
            Assert.True(map.TryGet(each.Key, out var entry));
            Assert.Equal((each.Pins, At(each.At)), (entry.Pins, entry.UsedAt));
        }
    }

    private static TimeSpan At(int seconds) => TimeSpan.FromSeconds(seconds);

    private LruMap<string, int>.Entry Entry(string key)
    {
        Assert.True(_map.TryGet(key, out var entry));
        return entry;
    }
}
