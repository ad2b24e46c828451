using System.Diagnostics.Metrics;
using System.Net;
using Akka;
using Akka.Actor;
using Akka.Configuration;
using Akka.DependencyInjection;
using Akka.Event;
using Akka.Hosting;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.SystemNetQuic;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Hosting;

/// <summary>Takes a node from checked settings to bound listeners, and back down.</summary>
internal sealed class NodeStart
{
    private const string Phase = "service-unbind";
    private const string Name = "macula";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    private readonly MaculaSettings _settings;
    private readonly LiveCertificate _certificate;
    private readonly QuicTrust _clientTrust;
    private readonly NodeId _node;
    private readonly Func<PeerAddress, QuicConnectOptions> _dial;

    private NodeStart(MaculaSettings settings)
    {
        _settings = settings;
        _certificate = new LiveCertificate(settings);
        _clientTrust = NodeCertificate.ClientTrust(settings.Quic);
        _dial = PeerDialling.Of(settings, () => _certificate.Current.Identity);
        _node = NodeIdentity.Resolve(settings);
        ClusterPort.Check(settings.Cluster);
    }

    /// <summary>Everything that can fail before there is an actor system.</summary>
    /// <exception cref="MaculaStartException">No usable certificate, no place for the id, or the cluster's port is
    /// taken.</exception>
    public static NodeStart Prepare(MaculaSettings settings) => Told(() => new NodeStart(settings));

    /// <summary>The time that Akka gives the phase in which the gateway stops.</summary>
    public static Config ShutdownPhase(TimeSpan grace) => ConfigurationFactory.ParseString(
        $"akka.coordinated-shutdown.phases.{Phase}.timeout = {(long)grace.TotalMilliseconds + 1_000}ms");

    /// <exception cref="MaculaStartException">There is no QUIC here, or a listener cannot be bound.</exception>
    public async Task RunAsync(ActorSystem system, IActorRegistry registry, IDependencyResolver services)
    {
        var node = MaculaNode.Of(system);
        try
        {
            var quic = Told(() => Choose(services));
            if (_settings.Cluster.SeedNodes.Count == 0)
            {
                var cluster = Akka.Cluster.Cluster.Get(system);
                cluster.Join(cluster.SelfAddress);
            }

            var gateway = system.ActorOf(GatewayProps(quic.Provider, services.GetService<IMeterFactory>(), node.Tables), Name);
            registry.Register<GatewayActor>(gateway);
            StopWith(system, gateway);
            _ = gateway.WatchAsync().ContinueWith(_ => node.Stopped(), TaskScheduler.Default);
            var ready = await ListeningAsync(gateway);
            registry.Register<ClientManagerActor>(ready.Concerns.Clients);
            registry.Register<PubSubActor>(ready.Concerns.PubSub);
            registry.Register<RegistryActor>(ready.Concerns.Registry);
            registry.Register<RpcActor>(ready.Concerns.Rpc);
            registry.Register<MeshPoolActor>(ready.Concerns.Mesh);
            KeepCertificateCurrent(system, node, services.GetService<ILoggerFactory>().CreateLogger<LiveCertificate>());
            node.Started(Info(quic, ready.Listening));
        }
        catch (MaculaStartException fault)
        {
            node.Failed(fault);
            throw;
        }
    }

    private void KeepCertificateCurrent(ActorSystem system, MaculaNode node, ILogger log)
    {
        node.CertificateReload = () => _certificate.Reload(log);
        var interval = _settings.Quic.CertificateReloadInterval;
        if (interval == TimeSpan.Zero || !_certificate.IsFromFiles) return;
        var look = system.Scheduler.Advanced.ScheduleRepeatedlyCancelable(
            interval, interval, () => Task.Run(() => _certificate.ReloadIfChanged(log)));
        system.RegisterOnTermination(look.Cancel);
    }

    private QuicChoice Choose(IDependencyResolver services)
    {
        if (_settings.Options.Provider is { } given) return QuicProviders.Choose([given]);
        var log = services.GetService<ILoggerFactory>().CreateLogger<Ngtcp2Provider>();
        var options = _settings.Quic.Defence(NodeSecret.LoadOrCreate(_settings.DataDirectory, log));
        return QuicProviders.Choose(
            [new SystemQuicProvider(), new Ngtcp2Provider(log, options, services.GetService<IMeterFactory>())],
            $"{_settings.Quic.Provider}");
    }

    private static T Told<T>(Func<T> prepare)
    {
        try
        {
            return prepare();
        }
        catch (QuicTransportException fault)
        {
            throw new MaculaStartException(fault.Message, fault);
        }
    }

    private static async Task<GatewayProtocol.Ready> ListeningAsync(IActorRef gateway)
    {
        try
        {
            return await gateway.Ask<GatewayProtocol.Ready>(GatewayProtocol.GetReady.Instance, StartTimeout);
        }
        catch (QuicTransportException fault) when (fault.Error == QuicTransportError.AddressInUse)
        {
            throw new MaculaStartException(
                $"{fault.Message}; choose another port with --port or macula.quic.listen.",
                fault);
        }
        catch (Exception fault) when (fault is QuicTransportException or AskTimeoutException)
        {
            throw new MaculaStartException($"QUIC cannot listen: {fault.Message}", fault);
        }
    }

    // Told first, so that clients hear of it while the rest of the system still runs.
    private void StopWith(ActorSystem system, IActorRef gateway)
    {
        // The last to be told need their time too.
        var drain = _settings.ShutdownGrace - _settings.Actors.Gateway.CloseGrace - _settings.Quic.CloseTimeout;
        CoordinatedShutdown.Get(system).AddTask(Phase, "macula-gateway", async () =>
        {
            try
            {
                await gateway.GracefulStop(_settings.ShutdownGrace, new GatewayProtocol.Shutdown(drain));
            }
            catch (TaskCanceledException)
            {
                system.Log.Warning("Clients did not leave within {Grace}; stopping without them",
                    _settings.ShutdownGrace);
            }

            return Done.Instance;
        });
    }

    private Props GatewayProps(IQuicProvider provider, IMeterFactory meters, TableCensus census) => GatewayActor.Props(
        _settings.Actors, _node, _settings.Realm,
        new NodeEdge(provider, Listeners(), _dial, new ProcessMemory(_settings.Actors.Memory.Limit)), census,
        new GatewayMetrics(meters, census));

    private IReadOnlyList<QuicListenOptions> Listeners() => [.. _settings.Quic.Listen.Select(Listener)];

    private QuicListenOptions Listener(IPEndPoint endPoint)
    {
        var quic = _settings.Quic;
        var identity = _certificate.Current.Identity;
        return new()
        {
            EndPoint = endPoint,
            Certificate = identity.Certificate,
            Intermediates = identity.Intermediates,
            CertificateSelector = _certificate.IsFromFiles ? _ => _certificate.Current.Identity : null,
            ClientCertificates = quic.ClientCertificates,
            ClientTrust = _clientTrust,
            IdleTimeout = quic.IdleTimeout,
            KeepAliveInterval = quic.KeepAliveInterval,
            HandshakeTimeout = quic.HandshakeTimeout,
            CloseTimeout = quic.CloseTimeout,
            MaxInboundStreams = quic.MaxStreamsPerConnection,
            StreamReceiveWindow = quic.StreamReceiveWindow,
            ConnectionReceiveWindow = quic.ConnectionReceiveWindow,
            AcceptBacklog = quic.AcceptBacklog,
        };
    }

    private MaculaNodeInfo Info(QuicChoice quic, IReadOnlyList<IPEndPoint> listening) => new(
        _settings.Realm,
        _node.ToString(),
        listening,
        quic.Provider.Name,
        quic.Why,
        QuicTrust.Fingerprint(_certificate.Current.Identity.Certificate),
        _certificate.Current.Source);
}
