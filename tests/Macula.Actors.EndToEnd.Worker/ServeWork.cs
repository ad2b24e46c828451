using System.Text;
using Macula.Actors.Client;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>Clients that serve procedures: the answer is the argument.</summary>
internal sealed class ServeWork(WorkOrder order, TestLines test)
{
    private const int LongestWork = 10;

    private int _served;

    public async Task RunAsync()
    {
        var clients = await Connecting.ConnectAllAsync(order);
        await Task.WhenAll(order.Clients.Select(async (client, i) =>
        {
            foreach (var procedure in client.Names) await clients[i].AdvertiseAsync(procedure, AnswerAsync);
            await clients[i].SubscribeAsync($"jobs.{client.Id}.**"); // what a killed client leaves behind, too
        }));
        test.Say(new WorkerEvent("serving"));

        await test.ExpectAsync("stop");
        test.Say(new ServedLine(_served));
        foreach (var client in clients) await client.DisposeAsync();
        test.Say(new WorkerEvent("done"));
    }

    // Takes a while, so that some calls are under way when a process is killed.
    private async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(MaculaCall call, CancellationToken cancellation)
    {
        await Task.Delay(Random.Shared.Next(LongestWork), cancellation);
        if (call.Text.StartsWith("fail", StringComparison.Ordinal))
            throw new MaculaCallException("told_to_fail", call.Text);
        Interlocked.Increment(ref _served);
        return Encoding.UTF8.GetBytes(call.Text);
    }
}
