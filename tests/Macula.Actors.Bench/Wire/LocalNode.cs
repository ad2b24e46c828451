using System.Diagnostics.Metrics;
using System.Net;
using Akka.Actor;
using Akka.Configuration;
using Macula.Actors.Bounded;
using Macula.Actors.Configuration;
using Macula.Actors.Fuzz;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Microsoft.Extensions.DependencyInjection;

namespace Macula.Actors.Bench.Wire;

/// <summary>The actors of a node in this process, without a host and a cluster.</summary>
internal sealed class LocalNode : INode
{
    private readonly ActorSystem _system;

    private LocalNode(ActorSystem system, IPEndPoint endPoint, QuicTrust trust) =>
        (_system, EndPoint, Trust) = (system, endPoint, trust);

    public IPEndPoint EndPoint { get; }

    public string Realm => "com.example.realm";

    public QuicTrust Trust { get; }

    public static async Task<LocalNode> StartAsync(IQuicProvider provider, GatewaySettings? settings = null)
    {
        var certificate = Certificates.Create();
        var listen = new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = certificate,
            KeepAliveInterval = TimeSpan.FromSeconds(10),
        };
        var census = new TableCensus();
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var system = ActorSystem.Create("macula", ConfigurationFactory.ParseString("akka.loglevel = ERROR"));
        var gateway = system.ActorOf(
            GatewayActor.Props(
                settings ?? GatewaySettings.Read(MaculaConfig.Reference), NodeId.Parse("bench"), "com.example.realm",
                new NodeEdge(
                    provider, [listen], address => new QuicConnectOptions { EndPoint = address.EndPoint },
                    new ProcessMemory()),
                census, new GatewayMetrics(meters, census)),
            "macula");
        var ready = await gateway.Ask<GatewayProtocol.Ready>(
            GatewayProtocol.GetReady.Instance, TimeSpan.FromSeconds(10));
        return new LocalNode(system, ready.Listening[0], QuicTrust.Pinned(QuicTrust.Fingerprint(certificate)));
    }

    public Usage? Usage() => null;

    public async ValueTask DisposeAsync() => await _system.Terminate();
}
