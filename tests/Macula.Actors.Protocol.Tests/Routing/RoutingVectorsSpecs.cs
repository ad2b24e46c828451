using System.Text.Json;

namespace Macula.Actors.Protocol.Tests;

public sealed class RoutingVectorsSpecs
{
    [Fact]
    public void Distances_and_buckets_are_the_references()
    {
        foreach (var row in GoldenVectors.Rows("routing").Where(row => row.Has("a_hex")))
        {
            var distance = Place(row, "a_hex").DistanceTo(Place(row, "b_hex"));

            Assert.Equal(row.Text("xor_hex"), distance.ToString());
            Assert.Equal(row.GetProperty("bucket_index").GetInt32(), distance.BucketIndex);
        }
    }

    [Fact]
    public void Tables_keep_and_find_what_the_references_do()
    {
        foreach (var row in GoldenVectors.Rows("routing").Where(row => row.Has("k")))
        {
            var table = new RoutingTable<int>(
                new NodeId(row.Bytes("local_hex")), row.GetProperty("k").GetInt32());
            foreach (var id in Ids(row, "insert_hex")) table.Put(id, 0);

            Assert.Equal(row.GetProperty("size").GetInt32(), table.Count);
            Assert.Equal(
                Ids(row, "kept_hex").ToHashSet(), table.All().Select(pair => pair.Key).ToHashSet());
            foreach (var question in row.GetProperty("closest").EnumerateArray())
            {
                var closest = table.Closest(
                    Place(question, "target_hex"), question.GetProperty("count").GetInt32());
                Assert.Equal(Ids(question, "result_hex"), closest.Select(pair => pair.Key));
            }
        }
    }

    [Fact]
    public void A_node_is_replaced_removed_and_makes_room()
    {
        var local = new NodeId(new byte[32]);
        var (near, far) = (Node(0x80, 1), Node(0x80, 2));
        var table = new RoutingTable<string>(local, bucketSize: 1);

        Assert.True(table.Put(near, "one"));
        Assert.True(table.Put(near, "two"));
        Assert.False(table.Put(far, "full"));
        Assert.False(table.Put(local, "self"));
        Assert.True(table.TryGet(near, out var value));
        Assert.Equal("two", value);

        Assert.True(table.Remove(near));
        Assert.False(table.Remove(near));
        Assert.True(table.Put(far, "room"));
        Assert.Equal(1, table.Count);

        static NodeId Node(byte first, byte last)
        {
            var bytes = new byte[32];
            (bytes[0], bytes[31]) = (first, last);
            return new NodeId(bytes);
        }
    }

    [Fact]
    [Trait("Defect", "D42")]
    public void The_stalest_node_of_a_full_bucket_gives_way_when_it_is_stale_and_no_other()
    {
        var table = new RoutingTable<int>(new NodeId(new byte[32]), bucketSize: 2);
        Assert.True(Put(1, seen: 10));
        Assert.True(Put(2, seen: 20));
        Assert.True(Put(1, seen: 30)); // seen again: 2 is the stalest now

        Assert.False(Put(3, seen: 40, staleBefore: 20));
        Assert.True(Put(3, seen: 40, staleBefore: 21));

        Assert.Equal([Far(1), Far(3)], table.All().Select(pair => pair.Key));
        Assert.Equal(2, table.Count);

        bool Put(byte node, int seen, int staleBefore = 0)
        {
            var isIn = table.Put(Far(node), seen, value => value < staleBefore, out var replaced);
            Assert.Equal(staleBefore == 21 ? Far(2) : default, replaced);
            return isIn;
        }

        static NodeId Far(byte last)
        {
            var bytes = new byte[32];
            (bytes[0], bytes[31]) = (0x80, last);
            return new NodeId(bytes);
        }
    }

    [Fact]
    public void Closest_are_those_that_sorting_all_nodes_would_give()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var local = Near(Place());
            var table = new RoutingTable<int>(local, bucketSize: 8);
            var nodes = Enumerable.Range(0, 60).Select(_ => Near(local.Span.ToArray())).Where(n => table.Put(n, 0)).Distinct().ToList();
            var target = DhtKey.ForNode(round % 3 == 0 ? local : Near(local.Span.ToArray()));

            foreach (var count in (int[])[0, 1, 3, 20, 100])
            {
                Assert.Equal(
                    nodes.OrderBy(node => DhtKey.ForNode(node).DistanceTo(target)).Take(count),
                    table.Closest(target, count).Select(pair => pair.Key));
            }
        }

        byte[] Place()
        {
            var bytes = new byte[32];
            random.NextBytes(bytes);
            return bytes;
        }

        // Shares a random number of leading bytes with another place, so that near buckets have nodes too.
        NodeId Near(byte[] place)
        {
            var bytes = Place();
            place.AsSpan(0, random.Next(32)).CopyTo(bytes);
            return new NodeId(bytes);
        }
    }

    [Fact]
    [Trait("Defect", "D28")]
    public void Picks_go_round_as_in_the_reference()
    {
        foreach (var row in GoldenVectors.Rows("selector"))
        {
            var turn = new RoundRobin();
            Assert.Equal(
                row.GetProperty("picked").EnumerateArray().Select(pick => pick.GetInt32()),
                row.GetProperty("candidates").EnumerateArray()
                    .Select(count => turn.Next(count.GetInt32())).ToList());
        }
    }

    private static DhtKey Place(JsonElement row, string name) =>
        DhtKey.FromBytes(row.Bytes(name));

    private static IEnumerable<NodeId> Ids(JsonElement row, string name) =>
        row.GetProperty(name).EnumerateArray()
            .Select(id => new NodeId(Convert.FromHexString(id.GetString()!)));
}
