using System.Text.Json;
using System.Text.RegularExpressions;
using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;

namespace Macula.Actors.EndToEnd.Tests;

[Collection(OneByOne.Name)]
public sealed class PublishSubscribeSpecs(ITestOutputHelper test)
{
    private const int Processes = 4;
    private const int ClientsPerProcess = 50;
    private const int MessagesPerClient = 10;

    private static readonly string[] Kinds = ["temp", "humidity", "light"];

    [Fact]
    public async Task Two_hundred_clients_get_exactly_what_their_patterns_match_in_the_order_of_each_publisher()
    {
        await using var node = await NodeProcess.StartAsync(test, "macula.gateway.outbound-max-frames=100000");
        var clients = Enumerable.Range(0, Processes * ClientsPerProcess).Select(Order).ToList();
        await using var watcher = await RawClient.ConnectAsync(node.Address, "watcher");
        var before = await Diagnostics.TablesAsync(watcher);

        var workers = clients.Chunk(ClientsPerProcess).Select((part, i) =>
            new WorkerProcess(test, "pubsub", $"clients {i}", new WorkOrder { Node = node.Address, Clients = part }))
            .ToList();
        List<JsonElement> lines = [];
        try
        {
            await Task.WhenAll(workers.Select(worker => worker.UntilAsync("subscribed")));
            await Task.WhenAll(workers.Select(worker => worker.TellAsync("publish")));
            await Task.WhenAll(workers.Select(worker => worker.UntilAsync("published")));

            // The node has it all; what it sends after this is the last of each stream.
            await using (var last = await Connecting.ConnectAsync(node.Address, "last"))
                await last.PublishAsync("last", "", qos: 1);
            await Task.WhenAll(workers.Select(worker => worker.UntilAsync("done", line =>
            {
                lock (lines) lines.Add(line);
            })));
            Assert.All(await Task.WhenAll(workers.Select(worker => worker.ExitAsync())), code => Assert.Equal(0, code));
        }
        finally
        {
            foreach (var worker in workers) await worker.DisposeAsync();
        }

        var received = lines.Select(line => line.Deserialize<ReceivedLine>()!)
            .ToDictionary(line => (line.Client, line.Pattern));
        var count = 0;
        foreach (var client in clients)
            foreach (var pattern in client.Names)
            {
                var line = received[(client.Id, pattern)];
                Assert.Equal(0, line.Dropped);
                AssertExactly(clients, pattern, line.Messages);
                count += line.Messages.Count;
            }

        test.WriteLine($"{clients.Count} clients, {clients.Count * MessagesPerClient} published, {count} received");
        Assert.Equal(received.Count, clients.Sum(client => client.Names.Count));
        await Diagnostics.AssertReturnToAsync(watcher, before, TimeSpan.FromSeconds(10));
        node.AssertUntroubled();
    }

    // Grouped by publisher, so that equality means: each one, once, and in its order.
    private static void AssertExactly(List<ClientOrder> clients, string pattern, IReadOnlyList<string> messages)
    {
        var byPublisher = messages.ToLookup(message => message.Split('/')[0]);
        var regex = AsRegex(pattern);
        foreach (var publisher in clients)
        {
            var expected = publisher.Topics.Select((topic, i) => (topic, text: $"{publisher.Id}/{i}/{topic}"))
                .Where(message => regex.IsMatch("." + message.topic)).Select(message => message.text);
            Assert.Equal(expected, byPublisher[publisher.Id]);
        }

        Assert.Subset(clients.Select(client => client.Id).ToHashSet(), byPublisher.Select(group => group.Key).ToHashSet());
    }

    private static ClientOrder Order(int i)
    {
        var (site, room, kind) = (i % 5, i % 10, Kinds[i % 3]);
        string[] patterns = (i % 8) switch
        {
            0 => [$"site{site}.room{room}.{kind}"],
            1 => [$"site{site}.*.{kind}", $"*.room{room}.*"],
            2 => [$"site{site}.**"],
            3 => [$"**.{kind}", $"site{site}.*.{kind}"],
            4 => [$"*.*.{kind}.*", "**.deep.**"],
            5 => [$"site{site}.**.{kind}"],
            6 => ["*", "*.*", $"site{site}.room{room}.#", "nobody.says.this"],
            _ => [i % 40 == 7 ? "**" : $"site{site}.room{room}.**", "site*.room1.temp"],
        };
        var topics = Enumerable.Range(0, MessagesPerClient).Select(n => (n % 5) switch
        {
            0 => $"site{(i + n) % 5}.room{(i + n) % 10}.{Kinds[(i + n) % 3]}",
            1 => $"site{site}.room{(i * n) % 10}.{kind}",
            2 => $"site{site}.room{room}.deep.{n}.{kind}",
            3 => $"site{site}.room{room}.{kind}.{n}",
            _ => i % 2 == 0 ? $"site{site}" : $"site{site}.",
        });
        return new ClientOrder($"client-{i}", patterns, [.. topics]);
    }

    // The rule of the specification, in another language than the node's: ** is any number of segments, * is one.
    private static Regex AsRegex(string pattern)
    {
        var segments = pattern.Split('.').Select(segment => segment switch
        {
            "**" => @"(\.[^.]*)*",
            "*" => @"\.[^.]*",
            _ => @"\." + Regex.Escape(segment),
        });
        return new Regex("^" + string.Concat(segments) + "$");
    }
}
