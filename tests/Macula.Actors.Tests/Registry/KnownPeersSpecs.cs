using Akka.Actor;
using Akka.TestKit;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Tests.Registry;

public sealed class KnownPeersSpecs : RegistryKit
{
    private static readonly KnownPeersOptions Known = new()
    {
        Peers = [Peer("b"), Peer("c")],
        RefreshInterval = TimeSpan.FromSeconds(60),
        Endpoint = new PeerAddress("here", 1),
    };

    private readonly TestProbe _mesh;

    public KnownPeersSpecs(ITestOutputHelper log) : base(log, peers: Known) => _mesh = CreateTestProbe();

    [Fact]
    public async Task Peers_of_the_settings_are_known_from_the_start()
    {
        // Asked first: the actor has started when it answers.
        Assert.Equal(["b", "c"], (await Ask("unknown")).Ask.Select(peer => peer.Node.ToString()).Order());
        Assert.Equal(2, Census.Size("registry.peers"));
    }

    [Fact]
    public async Task Peers_are_asked_who_is_near_at_the_start_and_at_each_refresh()
    {
        Registry.Tell(new UseMesh(_mesh));
        var asked = new[] { await NextQuestion(), await NextQuestion() };

        Assert.Equal(["b", "c"], asked.Select(each => each.Peer.ToString()).Order());
        Assert.Equal([new PeerAddress("b", 9443), new PeerAddress("c", 9443)], asked.Select(each => each.Address).OrderBy(each => each.Host));
        Assert.All(asked, each => Assert.Equal(
            "gateway", Wire.Text(WireFrame.Parse(each.Frame).FindNode().Target)));
        Assert.All(asked, each => Assert.InRange(each.Timeout, TimeSpan.FromMilliseconds(1), Known.RefreshInterval));
        this.Advance(Known.RefreshInterval);
        await NextQuestion();
        await NextQuestion();
        await NoMoreQuestions();
    }

    [Fact]
    public async Task A_new_pool_is_asked_at_once()
    {
        Registry.Tell(new UseMesh(_mesh));
        await NextQuestion();
        await NextQuestion();
        var next = CreateTestProbe();
        Registry.Tell(new UseMesh(next));

        await next.ExpectMsgAsync<MeshProtocol.Exchange>(SpecExtensions.Deadline);
        await next.ExpectMsgAsync<MeshProtocol.Exchange>(SpecExtensions.Deadline);
    }

    [Fact]
    [Trait("Defect", "D3")]
    public async Task What_peers_answer_is_learned_and_told_to_others_with_texts_as_addresses()
    {
        await Learn(Info("d", "https://d:7"), Info("e", "https://[::1]"));

        var infos = await NodeInfos("target");
        Assert.Equal(["b", "c", "d", "e", "gateway"], infos.Select(info => info.NodeId.ToString()).Order());
        var d = infos.Single(info => info.NodeId == NodeId.Parse("d"));
        Assert.Equal(("d:7", "https://d:7"), (d.Address.ToString(), d.Endpoint.ToString()));
        Assert.Equal(1234, d.LastSeen); // as it was told
        Assert.Equal(4, Census.Size("registry.peers"));
    }

    [Fact]
    public async Task Whoever_cannot_be_reached_anywhere_is_not_learned_nor_is_this_node()
    {
        await Learn(
            Info("d", null), Info("e", ""), Info("f", "not an address"), Info("gateway", "https://d:1"),
            Info("g", "https://here:1"));

        Assert.Equal(2, Census.Size("registry.peers"));
    }

    [Fact]
    public async Task No_answer_teaches_more_than_an_answer_has_by_custom()
    {
        await Learn([.. Enumerable.Range(0, 100).Select(i => Info($"n{i}", "https://n:1"))]);

        Assert.Equal(22, Census.Size("registry.peers"));
    }

    [Theory]
    [InlineData(MeshRefusal.ConnectFailed, 1)]
    [InlineData(MeshRefusal.StreamFailed, 1)]
    [InlineData(MeshRefusal.Timeout, 1)]
    [InlineData(MeshRefusal.PoolFull, 2)]
    [InlineData(MeshRefusal.TooManyWaiters, 2)]
    [InlineData(MeshRefusal.ShuttingDown, 2)]
    [Trait("Defect", "D42")]
    public async Task A_peer_that_fails_is_forgotten_and_one_of_the_settings_tried_again(MeshRefusal reason, int left)
    {
        Registry.Tell(new UseMesh(_mesh));
        var first = await NextQuestion();
        await NextQuestion();
        Registry.Tell(new MeshProtocol.ExchangeFailed(first.Id, first.Peer, reason, "because"));
        Registry.Tell(new MeshProtocol.ExchangeFailed(first.Id, first.Peer, MeshRefusal.ConnectFailed, "late"));
        await this.Handled(Registry);
        Assert.Equal(left, Census.Size("registry.peers"));

        this.Advance(Known.RefreshInterval);
        var asked = new[] { await NextQuestion(), await NextQuestion() };
        Assert.Contains(asked, each => each.Peer == first.Peer);
        await Answer(asked.Single(each => each.Peer == first.Peer));
        Assert.Equal(2, Census.Size("registry.peers"));
    }

    [Fact]
    public async Task A_peer_that_answers_something_else_teaches_nothing_and_stays()
    {
        Registry.Tell(new UseMesh(_mesh));
        var first = await NextQuestion();
        await Tell(new MeshProtocol.Exchanged(first.Id, first.Peer, FrameType.Reply, new byte[] { 0x80 }));
        await Tell(new MeshProtocol.Exchanged(first.Id, first.Peer, FrameType.FindNodeReply, new byte[] { 0xc0 }));

        Assert.Equal(2, Census.Size("registry.peers"));
    }

    [Fact]
    public async Task All_that_are_known_are_asked_in_turn()
    {
        await Learn(Info("d", "https://d:7"), Info("e", "https://e:7"), Info("f", "https://f:7"));
        HashSet<string> asked = [];
        for (var i = 0; i < 2; i++)
        {
            this.Advance(Known.RefreshInterval);
            for (var j = 0; j < 3; j++) asked.Add((await NextQuestion()).Peer.ToString());
        }

        await NoMoreQuestions();
        Assert.Superset(new HashSet<string> { "d", "e", "f" }, asked);
    }

    [Fact]
    public async Task Only_peers_are_asked_for_services_and_only_when_nobody_is_live_here()
    {
        var p = await Connect("p");
        Assert.Equal(["b", "c"], (await Ask("add")).Ask.Select(peer => peer.Node.ToString()).Order());

        await Store(p, "p", Wire.Advertise("add", "p"));
        Assert.Empty((await Ask("add")).Ask);
    }

    [Fact]
    public async Task No_more_than_three_are_asked_the_closest_first()
    {
        await Learn([.. "defgh".Select(node => Info($"{node}", $"https://{node}:1"))]);
        var place = DhtKey.ForName("add");

        var ask = (await Ask("add")).Ask;

        Assert.Equal(
            "bcdefgh".Select(node => NodeId.Parse($"{node}")).OrderBy(node => DhtKey.ForNode(node).DistanceTo(place)).Take(3),
            ask.Select(peer => peer.Node));
    }

    [Fact]
    [Trait("Defect", "D51")]
    public async Task A_route_goes_only_to_who_is_closer_and_not_back()
    {
        await Learn([.. Enumerable.Range(0, 18).Select(i => Info($"n{i}", $"https://n{i}:1"))]);
        var peers = Enumerable.Range(0, 18).Select(i => $"n{i}").Concat(["b", "c"]).Select(NodeId.Parse).ToList();
        foreach (var name in Enumerable.Range(0, 30).Select(i => $"destination-{i}"))
        {
            var destination = NodeId.Parse(name);
            var own = NodeId.Parse("gateway").DistanceTo(destination);
            List<NodeId> closer =
                [.. peers.Where(node => node.DistanceTo(destination) < own).OrderBy(node => node.DistanceTo(destination))];
            var from = closer.FirstOrDefault();

            Assert.Equal(closer.Take(3), await NextHops(destination, default));
            Assert.Equal(closer.Skip(1).Take(3), await NextHops(destination, from));
        }
    }

    [Fact]
    public async Task A_peer_that_others_could_not_reach_is_forgotten_but_not_for_where_it_is_not()
    {
        var known = (await Ask("add")).Ask.Single(peer => peer.Node == NodeId.Parse("b"));
        await Tell(new PeerFailed(known with { Address = new PeerAddress("192.0.2.1", 9) }));
        Assert.Equal(2, Census.Size("registry.peers"));

        await Tell(new PeerFailed(known));

        Assert.Equal(["c"], (await Ask("add")).Ask.Select(peer => peer.Node.ToString()));
        Assert.Equal(1, Census.Size("registry.peers"));
    }

    [Fact]
    [Trait("Defect", "D42")]
    public async Task A_peer_that_is_also_connected_here_is_named_once()
    {
        await Connect("b");

        var infos = await NodeInfos("target");

        Assert.Equal("10.0.0.1:77", Assert.Single(infos, info => info.NodeId == NodeId.Parse("b")).Address.ToString());
    }

    [Fact]
    [Trait("Defect", "D43")]
    public async Task This_node_is_named_under_its_one_id_where_others_reach_it()
    {
        var self = Assert.Single(await NodeInfos("target"), info => info.NodeId == NodeId.Parse("gateway"));

        Assert.Equal(("here:1", "https://here:1"), (self.Address.ToString(), self.Endpoint.ToString()));
    }

    private static NodeInfo Info(string node, string? endpoint) => new(
        NodeId.Parse(node), "10.1.1.1:40000", 1234, endpoint is null ? default(Utf8Text?) : (Utf8Text)endpoint);

    // One of the peers of the settings says so; the other one is never heard of.
    private async Task Learn(params NodeInfo[] nodes)
    {
        Registry.Tell(new UseMesh(_mesh));
        await Answer(await NextQuestion(), nodes);
        await NextQuestion();
    }

    private async Task Answer(MeshProtocol.Exchange question, params NodeInfo[] nodes) => await Tell(
        new MeshProtocol.Exchanged(
            question.Id, question.Peer, FrameType.FindNodeReply,
            new FindNodeReplyMessage(nodes).ToFrame().AsMemory(Frame.HeaderLength)));

    private async Task<MeshProtocol.Exchange> NextQuestion() =>
        await _mesh.ExpectMsgAsync<MeshProtocol.Exchange>(SpecExtensions.Deadline);

    private async Task NoMoreQuestions()
    {
        await this.Handled(Registry);
        Assert.False(_mesh.HasMessages);
    }

    private async Task<IEnumerable<NodeId>> NextHops(NodeId destination, NodeId from)
    {
        Registry.Tell(new FindNextHops(destination, from, 5), TestActor);
        var hops = await ExpectMsgAsync<NextHops>(SpecExtensions.Deadline);
        Assert.Equal(5ul, hops.Id);
        return hops.Peers.Select(peer => peer.Node);
    }
}
