using System.Buffers.Binary;
using System.Diagnostics;
using Macula.Actors.Client;

namespace Macula.Actors.Bench.Wire;

/// <summary>What a node can do, seen by its clients.</summary>
internal sealed class NodeScenarios(Bed bed, WireOptions options)
{
    /// <summary>A PING to the node's connection actor and its PONG.</summary>
    public async Task<Measured> PingAsync()
    {
        var meter = new Meter(bed.Node, options);
        await using var client = await bed.ConnectAsync();
        return await meter.RunAsync(async stop =>
        {
            while (!stop.IsCancellationRequested)
            {
                var start = Stopwatch.GetTimestamp();
                await client.PingAsync(CancellationToken.None);
                meter.Record(start);
            }
        });
    }

    /// <summary>Caller, node, provider, node, caller.</summary>
    /// <param name="callers">Connections that call.</param>
    /// <param name="providers">Connections that answer, in turn.</param>
    /// <param name="inFlight">Calls that each caller has under way.</param>
    public async Task<Measured> CallAsync(int callers, int providers, int inFlight)
    {
        const string Procedure = "bench.echo";
        var meter = new Meter(bed.Node, options);
        var serving = await Many.ConnectAsync(providers, bed.ConnectAsync);
        foreach (var provider in serving)
            await provider.AdvertiseAsync(
                Procedure, (call, _) => ValueTask.FromResult(call.Args),
                new MaculaAdvertiseOptions { MaxConcurrency = 1000 });
        var clients = await Many.ConnectAsync(callers, bed.ConnectAsync);
        var args = new byte[options.Size];

        var measured = await meter.RunAsync(stop => Task.WhenAll(
            clients.SelectMany(client => Enumerable.Repeat(client, inFlight)).Select(async client =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var start = Stopwatch.GetTimestamp();
                    await client.CallAsync(Procedure, args, cancellationToken: CancellationToken.None);
                    meter.Record(start);
                }
            })));
        await Many.DisposeAsync([.. clients, .. serving]);
        return measured;
    }

    /// <summary>A publication to one or many; timed until each subscriber's enumeration has it.</summary>
    public async Task<Measured> PublishAsync(int subscribers, int inFlight)
    {
        var meter = new Meter(bed.Node, options);
        using var fanOut = new FanOut(subscribers, inFlight, meter);
        var clients = await Many.ConnectAsync(subscribers, bed.ConnectAsync);
        var receiving = new List<Task>();
        foreach (var client in clients)
        {
            var subscription = await client.SubscribeAsync("bench.*.temp");
            receiving.Add(ReceiveAsync(subscription, fanOut));
        }

        await using var publisher = await bed.ConnectAsync();
        var payload = new byte[options.Size];
        var measured = await meter.RunAsync(stop => fanOut.SendAsync(
            () =>
            {
                BinaryPrimitives.WriteInt64LittleEndian(payload, Stopwatch.GetTimestamp());
                return publisher.PublishAsync("bench.kitchen.temp", payload);
            }, stop));
        await Many.DisposeAsync(clients);
        await Task.WhenAll(receiving);
        return measured;
    }

    /// <summary>Handshake, CONNECT and its answer.</summary>
    public async Task<Measured> ConnectAsync(int connections)
    {
        var meter = new Meter(bed.Node, options);
        IReadOnlyList<MaculaClient> clients = [];
        var measured = await meter.RunOnceAsync(async () => clients = await Many.ConnectAsync(connections, async () =>
        {
            var start = Stopwatch.GetTimestamp();
            var client = await bed.ConnectAsync();
            meter.Record(start);
            return client;
        }));
        await Many.DisposeAsync(clients);
        return measured;
    }

    private static async Task ReceiveAsync(MaculaSubscription subscription, FanOut fanOut)
    {
        await foreach (var message in subscription)
            fanOut.Received(BinaryPrimitives.ReadInt64LittleEndian(message.Payload.Span));
    }
}
