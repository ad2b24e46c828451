using Macula.Actors.Client;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>Clients that subscribe, publish, and tell what they got.</summary>
internal sealed class PubSubWork(WorkOrder order, TestLines test)
{
    /// <summary>The message that the test publishes after all others.</summary>
    public const string LastTopic = "last";

    public async Task RunAsync()
    {
        var clients = await Connecting.ConnectAllAsync(order);
        var listening = await Task.WhenAll(order.Clients.Select((client, i) => ListenAsync(clients[i], client)));
        test.Say(new WorkerEvent("subscribed"));

        await test.ExpectAsync("publish");
        await Task.WhenAll(order.Clients.Select((client, i) => PublishAsync(clients[i], client)));
        test.Say(new WorkerEvent("published"));

        foreach (var client in listening)
            foreach (var line in await client)
                test.Say(line);
        foreach (var client in clients) await client.DisposeAsync();
        test.Say(new WorkerEvent("done"));
    }

    // The answer completes when the last message has come: the node keeps the order, so all others are then here.
    private static async Task<Task<ReceivedLine[]>> ListenAsync(MaculaClient client, ClientOrder order)
    {
        var last = await client.SubscribeAsync(LastTopic);
        List<MaculaSubscription> subscriptions = [];
        foreach (var pattern in order.Names) subscriptions.Add(await client.SubscribeAsync(pattern));
        var received = Task.WhenAll(subscriptions.Select(each => CollectAsync(order.Id, each)));
        return EndAsync();

        async Task<ReceivedLine[]> EndAsync()
        {
            await foreach (var _ in last) break;
            foreach (var subscription in subscriptions) await subscription.DisposeAsync();
            return await received;
        }
    }

    private static async Task<ReceivedLine> CollectAsync(string client, MaculaSubscription subscription)
    {
        List<string> messages = [];
        await foreach (var message in subscription)
            if (message.Topic != LastTopic)
                messages.Add($"{message.Text}/{message.Topic}");
        return new ReceivedLine(client, subscription.Pattern, messages, subscription.Dropped);
    }

    // Both ways to publish: with and without waiting until the node has it.
    private static async Task PublishAsync(MaculaClient client, ClientOrder order)
    {
        for (var i = 0; i < order.Topics.Count; i++)
            await client.PublishAsync(order.Topics[i], $"{order.Id}/{i}", qos: i % 2);
        await client.PingAsync();
    }
}
