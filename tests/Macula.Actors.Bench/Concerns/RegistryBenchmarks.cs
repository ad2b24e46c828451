using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;

namespace Macula.Actors.Bench.Concerns;

/// <summary>The registry with as many services as it may have by default, of clients with as many as they may.</summary>
internal static class RegistryBenchmarks
{
    private const int N = 100_000;
    private const int PerClient = 1_000;

    private static TimeSpan _lease = TimeSpan.FromSeconds(2); // longer where advertising takes longer

    private static readonly DhtKey[] Keys = [.. Enumerable.Range(0, N).Select(i => DhtKey.ForName($"bench.{i}"))];

    public static IEnumerable<Benchmark> All =>
    [
        new("registry.advertise", N, 870_000, 1, AdvertiseAsync),
        new("registry.lookup", N, 1_370_000, 1, LookupAsync),
        new("registry.expire", N, 10_000_000, 1, ExpireAsync),
    ];

    private static async Task<Sample> AdvertiseAsync(Bed bed)
    {
        var registry = Registry(bed, bed.Settings.Registry);
        var stores = await StoresAsync(bed, registry, 300);
        var sample = await bed.PipelineAsync(registry, N, i => stores[i], batch: 16);
        Check(bed, N);
        return sample;
    }

    private static async Task<Sample> LookupAsync(Bed bed)
    {
        var registry = Registry(bed, bed.Settings.Registry);
        var stores = await StoresAsync(bed, registry, 300);
        await bed.PipelineAsync(registry, N, i => stores[i], batch: 16);
        Check(bed, N);
        return await bed.PipelineAsync(
            registry, N, i => new RegistryProtocol.FindProviders(Keys[(int)(i * 7919L % N)], (ulong)i));
    }

    // All leases end at the same time, and one sweep takes them out. It is timed from outside: how long a question waits
    // that was asked just before it.
    private static async Task<Sample> ExpireAsync(Bed bed)
    {
        while (true)
        {
            var registry = Registry(
                bed, bed.Settings.Registry with
                {
                    ServiceTtl = _lease,
                    CleanupInterval = TimeSpan.FromMilliseconds(100),
                    MassExpiryGuard = false,
                });
            var stores = await StoresAsync(bed, registry, (int)_lease.TotalSeconds);
            var advertising = await bed.PipelineAsync(registry, N, i => stores[i], batch: 16);
            if (advertising.Time < _lease / 2) return await SweepAsync(bed, registry);
            _lease *= 2;
            bed.System.Stop(registry);
        }
    }

    private static async Task<Sample> SweepAsync(Bed bed, IActorRef registry)
    {
        Check(bed, N);
        while (true)
        {
            var clock = new Clock();
            await bed.HandledAsync(registry);
            var (time, cpu) = clock.Elapsed;
            if (bed.Size("registry.services") == 0) return new Sample(time, time, time, cpu);
        }
    }

    private static IActorRef Registry(Bed bed, RegistryOptions options) => bed.System.ActorOf(
        RegistryActor.Props(options, bed.Settings.KnownPeers, NodeId.Parse("bench"), bed.Census, bed.Metrics));

    private static async Task<RegistryProtocol.Store[]> StoresAsync(Bed bed, IActorRef registry, int ttl)
    {
        var connections = await bed.ConnectionsAsync(N / PerClient);
        var now = bed.System.Scheduler.Elapsed();
        var stores = new RegistryProtocol.Store[N];
        for (var client = 0; client < connections.Length; client++)
        {
            var (node, sink) = (NodeId.Random(), new Sink(connections[client]));
            registry.Tell(new RegistryProtocol.NodeSeen(sink, node, "127.0.0.1:1", "", default));
            var record = new ServiceRecord(node, "https://127.0.0.1:9443", Metadata: new RawValue(new byte[] { 0x80 }), Ttl: ttl);
            var stored = new RegistryProtocol.StoredRecord(record, record.Encode(), now);
            for (var i = client * PerClient; i < (client + 1) * PerClient; i++)
                stores[i] = new RegistryProtocol.Store(sink, node, Keys[i], [stored], default);
        }

        return stores;
    }

    private static void Check(Bed bed, int services)
    {
        if (bed.Size("registry.services") is var size && size != services)
            throw new InvalidOperationException($"There are {size} services, not {services}.");
    }
}
