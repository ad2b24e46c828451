using System.Diagnostics;

namespace Macula.Actors.Bench.Wire;

/// <summary>What the transport alone can do on this machine.</summary>
internal sealed class PlainScenarios(Bed bed, WireOptions options)
{
    /// <summary>A message there and back.</summary>
    public async Task<Measured> EchoAsync(int connections, int inFlight)
    {
        var meter = new Meter(bed.PlainProcess, options);
        var peers = await Many.ConnectAsync(connections, () => bed.ConnectPlainAsync('E'));
        var measured = await meter.RunAsync(stop => Task.WhenAll(peers.Select(async peer =>
        {
            using var window = new SemaphoreSlim(inFlight);
            var receiving = peer.ReceiveAsync(sent =>
            {
                meter.Record(sent);
                window.Release();
            });
            while (!stop.IsCancellationRequested)
            {
                await window.WaitAsync(CancellationToken.None);
                await peer.SendAsync();
            }

            await peer.DisposeAsync();
            await receiving;
        })));
        return measured;
    }

    /// <summary>A message to one or many; timed until each of them has it.</summary>
    public async Task<Measured> RelayAsync(int receivers, int inFlight)
    {
        var meter = new Meter(bed.PlainProcess, options);
        using var fanOut = new FanOut(receivers, inFlight, meter);
        var subscribers = await Many.ConnectAsync(receivers, () => bed.ConnectPlainAsync('S'));
        var receiving = subscribers.Select(each => each.ReceiveAsync(fanOut.Received)).ToArray();
        await using var publisher = await bed.ConnectPlainAsync('P');
        var measured = await meter.RunAsync(stop => fanOut.SendAsync(async () => await publisher.SendAsync(), stop));
        await Many.DisposeAsync(subscribers);
        await Task.WhenAll(receiving);
        return measured;
    }

    public async Task<Measured> ConnectAsync(int connections)
    {
        var meter = new Meter(bed.PlainProcess, options);
        IReadOnlyList<PlainPeer> peers = [];
        var measured = await meter.RunOnceAsync(async () => peers = await Many.ConnectAsync(connections, async () =>
        {
            var start = Stopwatch.GetTimestamp();
            var peer = await bed.ConnectPlainAsync('S');
            meter.Record(start);
            return peer;
        }));
        await Many.DisposeAsync(peers);
        return measured;
    }
}
