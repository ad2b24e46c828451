using System.Text.Json;
using Akka.TestKit.Xunit2;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Gateway;

/// <summary>What the reference's gateway was sent and what it answered, played through ours. Where it crashed, and the
/// client that sent it, ours goes on; whoever else is connected notices nothing.</summary>
/// <remarks>The streams of a row are streams of one connection. Ours wants CONNECT first, so a row without one gets one.
/// </remarks>
public sealed class ExchangesSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    // Where ours answers something else, and what (docs/wire.md). The others answer byte for byte what the reference does,
    // save for clocks.
    private static readonly Dictionary<string, string[]> Differences = new()
    {
        // A client is told why it has to go.
        ["connect_wrong_realm"] = ["s1 DISCONNECT wrong_realm"],
        ["connect_realm_hash"] = ["s1 DISCONNECT wrong_realm"],
        ["connect_realm_case"] = ["s1 DISCONNECT wrong_realm"],
        ["bad_version_frame"] = ["s1 DISCONNECT protocol_error"],
        ["connect_missing_realm"] = ["s1 DISCONNECT malformed_connect"],
        ["payload_not_a_map"] = ["s1 DISCONNECT malformed_connect"],

        // A PING is answered.
        ["ping"] = ["s1 PONG"],
        ["connect_then_ping"] = ["s1 PONG", "s1 PONG"],

        // Clients that are connected are known nodes, so that a miss names some.
        ["find_value_unknown_no_peers"] = ["s1 NODES"],
        ["find_node_no_peers"] = ["s1 NODES"],

        // One record for each key and node; the answer is the list of them; what is no record is not kept.
        ["store_then_find_value"] = ["s2 VALUE 1"],
        ["store_twice_last_wins"] = ["s3 VALUE 2"],
        ["store_extra_metadata_kept"] = ["s1 VALUE 1"],
        ["store_null_then_find_value"] = ["s1 NODES"],
        ["store_without_inner_type"] = ["s1 NODES"],
        ["find_value_frame_with_inner_store"] = ["s1 NODES"], // and STORE has no answer

        // The answer's type is that of the operation, not that of the frame it came in.
        ["find_node_without_inner_type"] = ["s1 REFUSED unknown_message"],
        ["find_node_frame_with_inner_find_value"] = ["s1 NODES"],

        // A routed call is always answered.
        ["route_hops_reached"] = ["s1 ROUTED no_handler"], // it has arrived
        ["route_no_peers"] = ["s1 ROUTED no_route"],
        ["connect_then_route_elsewhere"] = ["s1 PONG", "s1 ROUTED no_route"],
        ["route_call_for_gateway"] = ["s1 ROUTED no_handler"],

        // Frames are put together and taken apart.
        ["split_frame_lost"] = ["s1 NODES"],
        ["coalesced_second_frame_lost"] = ["s1 NODES", "s1 NODES"],

        // What crashed the reference and can be answered.
        ["connect_then_find_value_unknown"] = ["s1 PONG", "s1 NODES"],
        ["connect_then_find_node"] = ["s1 PONG", "s1 NODES"],
        ["connect_str_keys"] = ["s1 PONG"],
        ["connect_bad_endpoint_host"] = ["s1 PONG"],
    };

    public static TheoryData<string> Names => [.. Rows().Keys];

    [Theory]
    [Trait("Defect", "D3")]
    [Trait("Defect", "D6")]
    [Trait("Defect", "D7")]
    [Trait("Defect", "D8")]
    [Trait("Defect", "D9")]
    [Trait("Defect", "D10")]
    [MemberData(nameof(Names))]
    public async Task An_exchange_goes_as_with_the_reference_or_as_documented(string name)
    {
        var row = Rows()[name];
        var node = await TestNode.Start(this);
        var bystanders = await Bystanders.Start(node);

        var answers = await Play(node, row);

        var expected = Differences.GetValueOrDefault(name) ?? [.. Reference(row)];
        Assert.Equal(expected, answers.Select(each => Show(each.Stream, each.Frame, exact: !Differences.ContainsKey(name))));
        await bystanders.AssertUntouched();
    }

    [Fact]
    public void Every_difference_is_one_of_a_row_that_there_is() =>
        Assert.Subset(Rows().Keys.ToHashSet(), Differences.Keys.ToHashSet());

    private static Dictionary<string, JsonElement> Rows()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "vectors", "exchanges.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.GetProperty("vectors").Clone().EnumerateArray()
            .ToDictionary(row => row.GetProperty("name").GetString()!);
    }

    private static IEnumerable<string> Reference(JsonElement row) =>
        from step in row.GetProperty("steps").EnumerateArray()
        from received in step.GetProperty("received").EnumerateArray()
        let frame = WireFrame.Parse(Convert.FromHexString(received.GetProperty("frame_hex").GetString()!))
        select Show(received.GetProperty("stream").GetString()!, frame, exact: true);

    private static string Show(string stream, WireFrame frame, bool exact) => $"{stream} " + frame.Type switch
    {
        FrameType.Pong => "PONG",
        FrameType.Disconnect => $"DISCONNECT {frame.Disconnect().Reason}",
        _ when exact => frame.Hex,
        FrameType.FindNodeReply => Nodes(frame.FoundNodes().Nodes),
        FrameType.FindValueReply when frame.FoundValue() is { Reason: { } reason } => $"REFUSED {reason}",
        FrameType.FindValueReply when frame.FoundValue() is { Nodes: { } nodes } => Nodes(nodes),
        FrameType.FindValueReply => $"VALUE {frame.FoundValue().Providers().Count}",
        FrameType.RpcRoute => $"ROUTED {Routed(frame).Error?.Code}",
        _ => frame.Hex,
    };

    private static string Nodes(IReadOnlyList<NodeInfo> nodes)
    {
        Assert.NotEmpty(nodes);
        return "NODES";
    }

    private static ReplyMessage Routed(WireFrame frame)
    {
        Assert.True(ReplyMessage.TryDecode(frame.Route().Payload.AsPayload(), out var reply, out _));
        return reply;
    }

    private async Task<List<(string Stream, WireFrame Frame)>> Play(TestNode node, JsonElement row)
    {
        var steps = row.GetProperty("steps").EnumerateArray()
            .Select(step => (
                Stream: step.GetProperty("stream").GetString()!,
                Bytes: Convert.FromHexString(step.GetProperty("send_hex").GetString()!)))
            .ToList();
        var peer = await node.Connect();
        SortedDictionary<string, TestStream> streams = [];
        if (steps[0].Bytes[1] == (byte)FrameType.Connect) streams[steps[0].Stream] = await peer.Open();
        else streams[steps[0].Stream] = await peer.Join("row");

        List<(string, WireFrame)> answers = [];
        foreach (var (stream, bytes) in steps)
        {
            if (!streams.ContainsKey(stream)) streams[stream] = await peer.Open();
            await streams[stream].Send(bytes);
            if (bytes.Length < Frame.HeaderLength) continue; // half a frame: nothing can be asked on that stream now
            List<(string Stream, WireFrame Frame)> ofStep = [];
            await Collect(streams, ofStep);
            await Handled();
            await Collect(streams, ofStep);
            answers.AddRange(ofStep.OrderBy(answer => answer.Stream, StringComparer.Ordinal)); // no order between streams
        }

        return answers;
    }

    // Asked behind all that the connection was sent; what it passed on is handled then, too.
    private static async Task Collect(SortedDictionary<string, TestStream> streams, List<(string, WireFrame)> into)
    {
        foreach (var (name, stream) in streams)
            foreach (var frame in await stream.SettleOrEnd()) into.Add((name, frame));
    }

    private async Task Handled()
    {
        foreach (var name in (string[])["clients", "pubsub", "rpc", "registry", "clients", "rpc"])
        {
            var actor = await Sys.ActorSelection($"/user/macula/{name}").ResolveOne(SpecExtensions.Deadline);
            await this.Handled(actor);
        }
    }

    /// <summary>Two clients with a subscription, a service and a call under way.</summary>
    private sealed record Bystanders(TestNode Node, TestStream Caller, TestStream Provider, CallId Call)
    {
        public static async Task<Bystanders> Start(TestNode node)
        {
            var (_, provider) = await node.Join("provider");
            var (_, caller) = await node.Join("caller");
            await provider.Send(Wire.Advertise("bystander.add", "provider"));
            await provider.Settle();
            await caller.Send(Wire.Subscribe("bystander.topic"));
            await caller.Send(Wire.Call("bystander.add", 77));
            return new Bystanders(node, caller, provider, (await provider.Next())!.Call().CallId);
        }

        public async Task AssertUntouched()
        {
            await Provider.Send(new ReplyMessage(Call, Wire.Bytes("4")));
            Assert.Equal("4", Wire.Text((await Caller.Next())!.Reply().Result));
            await Provider.Send(Wire.Publish("bystander.topic", "news"));
            Assert.Equal("news", Wire.Text((await Caller.Next())!.Publish().Payload));
            await Caller.Send(Wire.Call("bystander.add", 78));
            (await Provider.Next())!.Call();
            Assert.Empty(await Provider.Settle());
            Assert.Empty(await Caller.Settle());
        }
    }
}
