using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>Node processes that are each other's peers, over QUIC with mutual TLS.</summary>
[Collection(OneByOne.Name)]
public sealed class MeshSpecs(ITestOutputHelper test) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_call_at_one_node_is_served_by_a_program_at_another()
    {
        using var authority = new Authority(_folder, "ours");
        await using var b = await NodeProcess.StartAsync(test, authority.Node());
        await using var a = await NodeProcess.StartAsync(test, [.. authority.Node(), Peer(b)]);
        var add = Path.Combine(Repository.Root, "docs", "examples", "add.sh");
        await using var serve = Macula(b, "serve", "demo.add", "--exec", add);
        await serve.ReadNoticeAsync("serving demo.add");

        await using (var first = Macula(a, "call", "demo.add", """{"a":1,"b":2}"""))
            Assert.Equal(["""{"sum":3}"""], await first.ReadToEndAsync());

        // The second one over the same connection, by what the first one learned.
        await using var caller = await RawClient.ConnectAsync(a.Address, "caller");
        var before = await Diagnostics.TablesAsync(caller);
        Assert.Equal((1, 1), (before["mesh.connections"], before["registry.cache"]));
        var reply = await CallAsync(caller, "demo.add", """{"a":20,"b":22}"""u8.ToArray());
        Assert.Equal("""{"sum":42}""", System.Text.Encoding.UTF8.GetString(reply.Result.Span).Trim());
        var after = await Diagnostics.TablesAsync(caller);
        Assert.Equal((1, 0), (after["mesh.connections"], after["mesh.exchanges"]));

        a.AssertUntroubled();
        b.AssertUntroubled();
    }

    [Fact]
    public async Task A_node_whose_certificate_is_not_trusted_is_not_called_and_the_log_says_so_once()
    {
        using var ours = new Authority(_folder, "ours");
        using var strange = new Authority(_folder, "strange");
        await using var b = await NodeProcess.StartAsync(test, strange.Node());
        await using var a = await NodeProcess.StartAsync(test, ours.Node());
        await using var provider = await RawClient.ConnectAsync(b.Address, "provider");
        await using var caller = await RawClient.ConnectAsync(a.Address, "caller");
        // As one who knows where the provider is would have it.
        var record = new ServiceRecord(
            NodeId.Parse("provider"), $"https://{b.Address.EndPoint}", new RawValue(new byte[] { 0x80 }), 300);
        await caller.SendAsync(
            new StoreMessage(DhtKey.ForName("demo.add").ToArray(), record.Encode()).ToFrame());

        var reply = await CallAsync(caller, "demo.add", "{}"u8.ToArray());
        Assert.Equal("no_route", reply.Error?.Code.ToString());

        Assert.Empty(await provider.FenceAsync());
        Assert.Single(a.Errors, line => line.Contains(" WRN ") && line.Contains(b.Address.EndPoint));
        a.AssertUntroubled();
    }

    private static string Peer(NodeProcess node) => $"macula.mesh.peers={node.NodeId}@{node.Address.EndPoint}";

    private static async Task<ReplyMessage> CallAsync(RawClient caller, string procedure, byte[] args)
    {
        var call = new CallMessage(procedure, args, CallId.Random());
        await caller.SendAsync(call.ToFrame());
        var reply = (await caller.ReadAsync() ?? throw new EndOfStreamException()).Reply();
        Assert.Equal(call.CallId, reply.CallId);
        return reply;
    }

    private ChildProcess Macula(NodeProcess node, params string[] arguments) => new(
        test, $"macula {string.Join(' ', arguments)}", "dotnet", [Repository.Tool, .. arguments],
        new Dictionary<string, string>
        {
            ["MACULA_SERVER"] = node.Address.EndPoint,
            ["MACULA_FINGERPRINT"] = node.Address.Fingerprint,
        });
}
