using Akka.TestKit.Xunit2;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Gateway;

/// <summary>A full node that strangers run against.</summary>
public sealed class ClientFloodSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private const int Strangers = 300;
    private const int AtATime = 20;

    [Fact]
    public async Task Those_inside_go_on_calling_each_other_while_all_others_are_refused()
    {
        var node = await TestNode.Start(this, TestOptions.Defaults with
        {
            Clients = TestOptions.Defaults.Clients with { MaxClients = 2 },
            Gateway = TestOptions.Defaults.Gateway with { MaxConnections = 2 + AtATime },
        });
        var (callerPeer, caller) = await node.Join("caller");
        var (providerPeer, provider) = await node.Join("provider");
        await provider.Send(Wire.Advertise("add", "provider"));
        await provider.Settle();

        var flood = FloodAsync(node);
        var calls = 0;
        do
        {
            await caller.Send(Wire.Call("add", ++calls, $"[{calls}]"));
            var call = (await provider.Next())!.Call();
            await provider.Send(new ReplyMessage(call.CallId, call.Args));
            var reply = (await caller.Next())!.Reply();
            Assert.Equal((Wire.Id(calls), $"[{calls}]"), (reply.CallId, Wire.Text(reply.Result)));
        }
        while (!flood.IsCompleted);
        var refusals = await flood;

        Assert.Equal(Strangers, refusals.Count);
        Assert.All(refusals, told => Assert.Equal("max_clients_reached", told.Reason.ToString()));
        Assert.All(refusals, told => Assert.InRange(told.RetryAfter!.Value, 5000, 10_000));
        Assert.True(calls > 1);
        Assert.Equal(2, node.Census.Table("clients").HighWater);
        Assert.InRange(node.Census.Table("connections").HighWater, 3, 2 + AtATime);
        Assert.Equal(0, node.Meters.Total("macula.concern.restarts"));
        Assert.Equal(Strangers, node.Meters.Total("macula.clients.rejected", "max_clients_reached"));
        Assert.Equal(2, node.Meters.Total("macula.clients.accepted"));
        callerPeer.Die();
        providerPeer.Die();
        await node.AssertEmpty();
    }

    // Each stranger goes before the next comes, so that the limit of connections never speaks.
    private async Task<List<DisconnectMessage>> FloodAsync(TestNode node)
    {
        List<DisconnectMessage> refusals = [];
        for (var i = 0; i < Strangers; i += AtATime)
        {
            refusals.AddRange(await Task.WhenAll(Enumerable.Range(i, AtATime).Select(async each =>
            {
                var peer = await node.Connect();
                var stream = await peer.Open();
                await stream.Send(Wire.Connect($"stranger-{each}"));
                var told = (await stream.Next())!.Disconnect();
                peer.Die();
                return told;
            })));
            await this.Eventually(() => node.Census.Size("connections") == 2);
        }

        return refusals;
    }
}
