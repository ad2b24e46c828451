using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>A full node that others run against: those inside must not notice.</summary>
[Collection(OneByOne.Name)]
public sealed class FloodSpecs(ITestOutputHelper test)
{
    private const string Procedure = "flood.echo";
    private const int Strangers = 400;
    private const int AtATime = 16;
    private const int Calls = 300;

    // Handshakes take CPU that the calls share, and on a small machine all of it; seconds would mean that they queue.
    private const int WorstRatio = 50;

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(500);

    private int _lastCall;

    [Fact]
    public async Task Clients_inside_a_full_node_go_on_calling_each_other_while_others_are_refused()
    {
        await using var node = await NodeProcess.StartAsync(test, "macula.clients.max-clients=2");
        await using var provider = await RawClient.ConnectAsync(node.Address, "provider");
        await using var caller = await RawClient.ConnectAsync(node.Address, "caller");
        await provider.SendAsync(Advertisement().ToFrame());
        await provider.FenceAsync();
        await using var flood = new WorkerProcess(test, "flood", "flood", new WorkOrder
        {
            Node = node.Address,
            Clients = [new ClientOrder("stranger", [], [])],
            Calls = Strangers,
            Window = AtATime,
        });
        await flood.UntilAsync("ready");

        await CallAsync(caller, provider, count => count < Calls); // warm
        var before = await CallAsync(caller, provider, count => count < Calls);
        await flood.TellAsync("flood");
        var flooded = flood.UntilAsync("flooded");
        var during = await CallAsync(caller, provider, count => count < Calls || !flooded.IsCompleted);
        var refused = (await flooded).Deserialize<FloodLine>()!;
        var after = await CallAsync(caller, provider, count => count < Calls);

        test.WriteLine(
            $"{refused.Refused} refused. Calls inside: before {Say(before)}, during {Say(during)}, after {Say(after)}");
        Assert.Equal((Strangers, 0), (refused.Refused, refused.Otherwise));
        var worst = TimeSpan.FromTicks(Math.Max(Least.Ticks, WorstRatio * P99(before).Ticks));
        Assert.InRange(P99(during), TimeSpan.Zero, worst);
        Assert.InRange(P99(after), TimeSpan.Zero, worst);
        node.AssertUntroubled();
        Assert.Contains(node.Errors, line => line.Contains("Client connection rejected: max_clients_reached", StringComparison.Ordinal));
    }

    private static StoreMessage Advertisement() => new(
        DhtKey.ForName(Procedure).ToArray(),
        new ServiceRecord(NodeId.Parse("provider"), "https://127.0.0.1:9443", Procedure: Procedure).Encode());

    /// <summary>One call after the other; each must have its own result.</summary>
    private async Task<List<TimeSpan>> CallAsync(RawClient caller, RawClient provider, Func<int, bool> goesOn)
    {
        List<TimeSpan> times = [];
        while (goesOn(times.Count))
        {
            var id = CallId.FromCounter((UInt128)(++_lastCall));
            var args = Encoding.UTF8.GetBytes($"{_lastCall}");
            var start = Stopwatch.GetTimestamp();
            await caller.SendAsync(new CallMessage(Procedure, args, id).ToFrame());
            var call = (await provider.ReadAsync() ?? throw new EndOfStreamException()).Call();
            await provider.SendAsync(new ReplyMessage(call.CallId, call.Args).ToFrame());
            var reply = (await caller.ReadAsync() ?? throw new EndOfStreamException()).Reply();
            times.Add(Stopwatch.GetElapsedTime(start));
            Assert.Null(reply.Error);
            Assert.Equal((id, $"{_lastCall}"), (reply.CallId, Encoding.UTF8.GetString(reply.Result.Span)));
        }

        return times;
    }

    private static string Say(List<TimeSpan> times) =>
        $"{times.Count} with p50 {At(times, 0.5).TotalMilliseconds:0.00} ms, p99 {P99(times).TotalMilliseconds:0.00} ms";

    private static TimeSpan P99(List<TimeSpan> times) => At(times, 0.99);

    private static TimeSpan At(List<TimeSpan> times, double share) => times.Order().ElementAt((int)(times.Count * share));
}
