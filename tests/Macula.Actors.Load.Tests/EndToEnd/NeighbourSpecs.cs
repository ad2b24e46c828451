using System.Diagnostics;
using System.Text;
using Macula.Actors.Load.Neighbours;
using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>The load's clients against the real servers, as processes: <c>./build.sh test</c> installs them.</summary>
[Collection("load")]
public sealed class NeighbourSpecs
{
    private const int Many = 1_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(NeighbourKinds.Nats)]
    [InlineData(NeighbourKinds.Mosquitto)]
    [InlineData(NeighbourKinds.MqttNet)]
    public async Task A_neighbour_delivers_and_answers(string name)
    {
        using var deadline = new CancellationTokenSource(Patience);
        using var kinds = new NeighbourKinds();
        var kind = Assert.Single(kinds.All, each => each.Name == name);
        Assert.Null(kind.Missing);

        int pid;
        await using (var server = await kind.StartAsync(deadline.Token))
        {
            pid = server.Pid;
            Assert.True(KernelFigures.Read(pid)!.Resident > 0);
            await DeliversAsync(server, deadline.Token);
            await AnswersAsync(server, deadline.Token);
        }

        Assert.Throws<ArgumentException>(() => Process.GetProcessById(pid));
    }

    [Fact]
    public async Task Our_node_does_the_same_work()
    {
        using var deadline = new CancellationTokenSource(Patience);
        var node = await OwnNode.StartAsync(NodeProgram.Find()!, "ngtcp2", [], deadline.Token);
        await using var server = new MaculaNeighbour(
            node, new Dial(node.Target, "ngtcp2", deadline.Token), new Seeded(1, "peers"), isOwned: true);

        await DeliversAsync(server, deadline.Token);
        await AnswersAsync(server, deadline.Token);
    }

    [Fact]
    public async Task A_server_that_does_not_start_is_told_with_what_it_said()
    {
        var error = await Assert.ThrowsAsync<LoadException>(() => ServerProcess.StartAsync(
            ServerProcess.Find("nats-server")!, _ => ["-c", "/nowhere/nats.conf"], CancellationToken.None));

        Assert.Contains("/nowhere/nats.conf", error.Message, StringComparison.Ordinal);
        Assert.Null(ServerProcess.Find("no-such-server"));
    }

    [Fact]
    public async Task The_scenario_puts_ours_beside_each_of_them()
    {
        using var deadline = new CancellationTokenSource(Patience);
        var options = Tool.Options("peers") with { Scale = 0.005, Time = TimeSpan.FromMilliseconds(100), Runs = 1 };

        var report = await LoadRun.RunAsync(options, new SilentScreen(), deadline.Token);

        var ran = Assert.Single(report.Scenarios);
        Assert.Null(ran.Fault);
        Assert.DoesNotContain(ran.Verdicts, each => each.Measured.StartsWith("not measured", StringComparison.Ordinal));
        Assert.True(report.Passed, report.ToJson());
        string[] measures =
        [
            "one to one", "one to one at 2,000/s, p99", "fan-out delivered", "requests of one caller",
            "requests of 64 callers on one connection", "connects", "one to one among 60 idle subscribers",
        ];
        foreach (var measure in measures)
            foreach (var server in (string[])["macula", NeighbourKinds.Nats, NeighbourKinds.Mosquitto, NeighbourKinds.MqttNet])
                Assert.True(Assert.Single(ran.Figures, each => each.Name == $"{measure}: {server}").Value > 0);
    }

    // More than any buffer holds in one piece, in order, and nothing of other topics.
    private static async Task DeliversAsync(INeighbour server, CancellationToken cancellationToken)
    {
        await using var subscriber = await server.ConnectAsync(1, cancellationToken);
        await using var publisher = await server.ConnectAsync(2, cancellationToken);
        await subscriber.SubscribeAsync("load.here", cancellationToken);
        var next = 0;
        var reading = subscriber.ReceiveAsync(
            arrival =>
            {
                Assert.Equal(ArrivalKind.Message, arrival.Kind);
                Assert.Equal($"{next++:D100}", Encoding.ASCII.GetString(arrival.Payload));
                return next == Many;
            },
            cancellationToken);

        for (var i = 0; i < Many; i++)
        {
            publisher.Publish("load.elsewhere", "no"u8.ToArray());
            publisher.Publish("load.here", Encoding.ASCII.GetBytes($"{i:D100}"));
            // All servers drop for a reader that is too slow; so few none of them does.
            if (i % 100 == 99) await publisher.FlushAsync();
        }

        await reading.WaitAsync(cancellationToken);
        Assert.Equal(Many, next);
    }

    private static async Task AnswersAsync(INeighbour server, CancellationToken cancellationToken)
    {
        const int requests = 20;
        await using var provider = await server.ConnectAsync(3, cancellationToken);
        await using var caller = await server.ConnectAsync(4, cancellationToken);
        await provider.ServeAsync("load.service", cancellationToken);
        await caller.ExpectRepliesAsync(cancellationToken);
        var payload = Payload.Create();
        var asked = 0;
        var serving = provider.ReceiveAsync(
            arrival =>
            {
                Assert.Equal(ArrivalKind.Request, arrival.Kind);
                Assert.Equal(Payload.Size, arrival.Payload.Length);
                provider.Reply(arrival, payload);
                return ++asked == requests;
            },
            cancellationToken);

        List<int> answered = [];
        for (var number = 1; number <= requests; number++) caller.Request("load.service", number, payload);
        await caller.FlushAsync();
        await caller.ReceiveAsync(
            arrival =>
            {
                Assert.Equal(ArrivalKind.Reply, arrival.Kind);
                Assert.Equal(Payload.Size, arrival.Payload.Length);
                answered.Add(arrival.Number);
                return answered.Count == requests;
            },
            cancellationToken);
        await serving.WaitAsync(cancellationToken);

        Assert.Equal(Enumerable.Range(1, requests), answered.Order());
    }
}
