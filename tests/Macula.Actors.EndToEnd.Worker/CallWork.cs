using System.Collections.Concurrent;
using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Worker;

/// <summary>Raw clients that call and count each REPLY on the wire.</summary>
internal sealed class CallWork(WorkOrder order, TestLines test)
{
    private const int ProgressStep = 50;
    private const int CallTimeout = 20_000;

    private readonly ConcurrentDictionary<string, int> _errors = new();
    private int _answered;
    private int _results;
    private int _wrong;
    private int _twice;
    private int _never;

    public async Task RunAsync()
    {
        List<RawClient> clients = [];
        foreach (var client in order.Clients) clients.Add(await RawClient.ConnectAsync(order.Node, client.Id));
        test.Say(new WorkerEvent("connected"));

        await test.ExpectAsync("call");
        var books = await Task.WhenAll(order.Clients.Select((client, i) => CallAsync(clients[i], client)));
        test.Say(new WorkerEvent("answered"));

        await test.ExpectAsync("finish"); // when everything is quiet, so that a second reply had its time to come
        for (var i = 0; i < clients.Count; i++)
        {
            foreach (var frame in await clients[i].FenceAsync()) Book(books[i], frame);
            foreach (var replies in books[i].Values)
            {
                if (replies == 0) _never++;
                if (replies > 1) _twice++;
            }

            await clients[i].DisposeAsync();
        }

        var sent = order.Calls * clients.Count;
        test.Say(new CallsLine(sent, _results, _errors, _wrong, _twice, _never));
    }

    private async Task<Dictionary<CallId, int>> CallAsync(RawClient client, ClientOrder who)
    {
        var replies = new Dictionary<CallId, int>();
        var sent = 0;
        while (sent < Math.Min(order.Window, order.Calls)) await SendAsync();
        for (var left = order.Calls; left > 0; left--)
        {
            var frame = await client.ReadAsync(TimeSpan.FromSeconds(60)) ?? throw new EndOfStreamException();
            Book(replies, frame);
            if (sent < order.Calls) await SendAsync();
            if (Interlocked.Increment(ref _answered) % ProgressStep == 0) test.Say(new ProgressLine(_answered));
        }

        return replies;

        async Task SendAsync()
        {
            // The id is the argument, so that a result tells whose it is.
            var id = CallId.Random();
            replies.Add(id, 0);
            var procedure = who.Names[sent++ % who.Names.Count];
            var args = Encoding.UTF8.GetBytes(id.ToString());
            await client.SendAsync(new CallMessage(procedure, args, id, Timeout: CallTimeout).ToFrame());
        }
    }

    private void Book(Dictionary<CallId, int> replies, RawFrame frame)
    {
        var reply = frame.Reply();
        if (!replies.TryGetValue(reply.CallId, out var before))
        {
            Interlocked.Increment(ref _wrong);
            return;
        }

        replies[reply.CallId] = before + 1;
        if (reply.Error is { } error) _errors.AddOrUpdate(error.Code.ToString(), 1, (_, count) => count + 1);
        else if (Encoding.UTF8.GetString(reply.Result.Span) == reply.CallId.ToString())
            Interlocked.Increment(ref _results);
        else Interlocked.Increment(ref _wrong);
    }
}
