using System.Text.Json;
using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>What killed the reference's whole gateway, sent to a node that has other clients.</summary>
[Collection(OneByOne.Name)]
public sealed class CrashRowSpecs(ITestOutputHelper test)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // What the node says to the last step of a row; rows that are not here get no answer.
    private static readonly Dictionary<string, FrameType> Answers = new()
    {
        ["connect_then_find_value_unknown"] = FrameType.FindValueReply,
        ["connect_then_find_node"] = FrameType.FindNodeReply,
        ["connect_then_route_elsewhere"] = FrameType.RpcRoute,
        ["route_call_for_gateway"] = FrameType.RpcRoute,
        ["connect_missing_realm"] = FrameType.Disconnect,
        ["connect_str_keys"] = FrameType.Pong,
        ["connect_bad_endpoint_host"] = FrameType.Pong,
        ["payload_not_a_map"] = FrameType.Disconnect,
    };

    [Fact]
    [Trait("Defect", "D3")]
    [Trait("Defect", "D6")]
    [Trait("Defect", "D7")]
    [Trait("Defect", "D9")]
    [Trait("Defect", "D10")]
    public async Task No_crash_row_of_the_reference_touches_the_node_or_its_other_clients()
    {
        await using var node = await NodeProcess.StartAsync(test, "macula.node-id=gateway-one");
        await using var watcher = await Connecting.ConnectAsync(node.Address, "watcher");
        await using var neighbour = await Connecting.ConnectAsync(node.Address, "neighbour");
        var changes = 0;
        watcher.StateChanged += (_, _) => Interlocked.Increment(ref changes);
        neighbour.StateChanged += (_, _) => Interlocked.Increment(ref changes);
        await using var messages = await watcher.SubscribeAsync("row.*");
        await using var arriving = messages.GetAsyncEnumerator();
        await watcher.AdvertiseAsync("watcher.echo", (call, _) => ValueTask.FromResult(call.Args));
        await using var asker = await RawClient.ConnectAsync(node.Address, "asker");
        var before = await Diagnostics.TablesAsync(asker);

        var rows = Repository.Vectors("exchanges")
            .Where(row => row.GetProperty("reference_gateway").GetString() == "crashed").ToList();
        foreach (var row in rows)
        {
            var name = row.GetProperty("name").GetString()!;
            var answer = await PlayAsync(node.Address, row, Answers.ContainsKey(name));
            test.WriteLine($"{name}: {answer?.ToString() ?? "no answer"}");
            Assert.Equal((name, Answers.TryGetValue(name, out var type) ? type : default(FrameType?)), (name, answer));

            // The others go on as if nothing had been.
            await neighbour.PublishAsync("row.done", name);
            Assert.True(await arriving.MoveNextAsync().AsTask().WaitAsync(Patience));
            Assert.Equal(name, arriving.Current.Text);
            Assert.Equal(name, await neighbour.CallJsonAsync<string, string>("watcher.echo", name));
        }

        Assert.Equal(18, rows.Count);
        Assert.Equal(0, changes);
        await Diagnostics.AssertReturnToAsync(asker, before, Patience);
        node.AssertUntroubled();
    }

    // Returns what the node says to the last step. Afterwards the connection either still works, or has been closed
    // with a reason.
    private static async Task<FrameType?> PlayAsync(NodeAddress node, JsonElement row, bool isAnswered)
    {
        var steps = row.GetProperty("steps").EnumerateArray()
            .Select(step => Convert.FromHexString(step.GetProperty("send_hex").GetString()!)).ToList();
        await using var client = IsConnect(steps[0])
            ? await RawClient.OpenAsync(node)
            : await RawClient.ConnectAsync(node, "offender");
        foreach (var step in steps[..^1])
        {
            await client.SendAsync(step);
            (await client.ReadAsync())!.Pong();
        }

        await client.SendAsync(steps[^1]);
        var answer = isAnswered ? await client.ReadAsync() : null;
        if (answer?.Type == FrameType.Disconnect)
        {
            Assert.Equal("malformed_connect", answer.Disconnect().Reason.ToString());
            Assert.Equal(DisconnectReason.MalformedConnect.Code(), (await client.ClosedAsync()).ErrorCode);
            return answer.Type;
        }

        Assert.Empty(await client.FenceAsync()); // the frame has been taken up
        Assert.Empty(await client.FenceAsync()); // and what came of it is out
        return answer?.Type;
    }

    private static bool IsConnect(byte[] frame) => frame[1] == (byte)FrameType.Connect;
}
