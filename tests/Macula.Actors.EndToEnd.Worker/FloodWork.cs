using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>Connects again and again to a node that is full, a window of them at once, and tells what it was told.
/// </summary>
internal sealed class FloodWork(WorkOrder order, TestLines test)
{
    private int _refused;
    private int _otherwise;

    public async Task RunAsync()
    {
        test.Say(new WorkerEvent("ready"));
        await test.ExpectAsync("flood");
        await Parallel.ForAsync(
            0, order.Calls, new ParallelOptions { MaxDegreeOfParallelism = order.Window },
            async (i, _) => await ConnectAsync($"{order.Clients[0].Id}-{i}"));
        test.Say(new FloodLine(_refused, _otherwise));
    }

    private async Task ConnectAsync(string id)
    {
        try
        {
            await using var client = await RawClient.OpenAsync(order.Node);
            await client.SendAsync(RawClient.Connect(order.Node, id));
            var told = (await client.ReadAsync() ?? throw new EndOfStreamException()).Disconnect();
            if (told.Reason == DisconnectReason.MaxClientsReached.Text() && told.RetryAfter > 0)
            {
                Interlocked.Increment(ref _refused);
                return;
            }
        }
        catch (Exception e) when (e is IOException or QuicTransportException or InvalidDataException or TimeoutException)
        {
            // Counted below: the test says what it makes of that.
        }

        Interlocked.Increment(ref _otherwise);
    }
}
