using Akka.Actor;
using Macula.Actors.Clients;
using Macula.Actors.Protocol;

namespace Macula.Actors.Bench.Concerns;

/// <summary>The client manager: who comes, who is refused, who goes.</summary>
internal static class ClientBenchmarks
{
    private const int N = 10_000;

    public static IEnumerable<Benchmark> All =>
    [
        new("clients.connect_store", N, 77_000, 5, ConnectStoreAsync),
        new("clients.reject_full", N, 188_000, 5, RejectFullAsync),
        new("clients.crash_all", N, 300_000, 5, CrashAllAsync),
    ];

    private static async Task<Sample> ConnectStoreAsync(Bed bed)
    {
        var connections = await bed.ConnectionsAsync(N);
        return await bed.PipelineAsync(Manager(bed, N), N, Connects(connections));
    }

    private static async Task<Sample> RejectFullAsync(Bed bed)
    {
        var connections = await bed.ConnectionsAsync(N + 1);
        var connects = Connects(connections);
        var manager = Manager(bed, 1);
        await manager.Ask<ClientProtocol.Admitted>(connects(N));
        return await bed.PipelineAsync(manager, N, connects);
    }

    private static async Task<Sample> CrashAllAsync(Bed bed)
    {
        var connections = await bed.ConnectionsAsync(N);
        var manager = Manager(bed, N);
        await bed.PipelineAsync(manager, N, Connects(connections));
        return await bed.UntilEmptyAsync(
            manager, () => Connections.Crash(connections), "clients", "client_streams");
    }

    private static IActorRef Manager(Bed bed, int maxClients) => bed.System.ActorOf(
        ClientManagerActor.Props(bed.Settings.Clients with { MaxClients = maxClients }, bed.Census, bed.Metrics));

    private static Func<int, object> Connects(IActorRef[] connections)
    {
        var sinks = connections.Select(connection => new Sink(connection)).ToArray();
        var clients = connections
            .Select(_ => new ClientInfo(NodeId.Random(), "com.example.realm", [], "", "127.0.0.1:1")).ToArray();
        return i => new ClientProtocol.Connect(clients[i], sinks[i]);
    }
}
