using System.Diagnostics.Metrics;
using System.Net;
using Akka;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using Akka.Hosting;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.SystemNetQuic;

namespace Macula.Actors.Hosting;

/// <summary>Takes a node from checked settings to bound listeners, and back down.</summary>
internal sealed class NodeStart
{
    private const string Phase = "service-unbind";
    private const string Name = "macula";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    private readonly MaculaSettings _settings;
    private readonly QuicChoice _quic;
    private readonly NodeCertificate _certificate;
    private readonly QuicTrust _clientTrust;
    private readonly NodeId _node;

    private NodeStart(MaculaSettings settings)
    {
        _settings = settings;
        IQuicProvider[] candidates = settings.Options.Provider is { } given
            ? [given]
            : [new SystemQuicProvider(), new Ngtcp2Provider()];
        _quic = QuicProviders.Choose(
            candidates, settings.Options.Provider is null ? $"{settings.Quic.Provider}" : QuicProviders.Auto);
        _certificate = NodeCertificate.Load(settings);
        _clientTrust = NodeCertificate.ClientTrust(settings.Quic);
        _node = NodeIdentity.Resolve(settings);
        ClusterPort.Check(settings.Cluster);
    }

    /// <summary>Everything that can fail before there is an actor system.</summary>
    /// <exception cref="MaculaStartException">No QUIC here, no usable certificate, no place for the id,
    /// or the cluster's port is taken.</exception>
    public static NodeStart Prepare(MaculaSettings settings)
    {
        try
        {
            return new(settings);
        }
        catch (QuicTransportException fault)
        {
            throw new MaculaStartException(fault.Message, fault);
        }
    }

    /// <summary>The time that Akka gives the phase in which the gateway stops.</summary>
    public static Config ShutdownPhase(TimeSpan grace) => ConfigurationFactory.ParseString(
        $"akka.coordinated-shutdown.phases.{Phase}.timeout = {(long)grace.TotalMilliseconds + 1_000}ms");

    /// <exception cref="MaculaStartException">A listener cannot be bound.</exception>
    public async Task RunAsync(ActorSystem system, IActorRegistry registry, IMeterFactory meters)
    {
        var node = MaculaNode.Of(system);
        if (_settings.Cluster.SeedNodes.Count == 0)
        {
            var cluster = Akka.Cluster.Cluster.Get(system);
            cluster.Join(cluster.SelfAddress);
        }

        var gateway = system.ActorOf(GatewayProps(meters), Name);
        registry.Register<GatewayActor>(gateway);
        StopWith(system, gateway);
        try
        {
            node.Started(Info((await ListeningAsync(gateway)).Listening));
        }
        catch (MaculaStartException fault)
        {
            node.Failed(fault);
            throw;
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
    private void StopWith(ActorSystem system, IActorRef gateway) => CoordinatedShutdown.Get(system).AddTask(
        Phase, "macula-gateway", async () =>
        {
            try
            {
                await gateway.GracefulStop(_settings.ShutdownGrace, GatewayProtocol.Shutdown.Instance);
            }
            catch (TaskCanceledException)
            {
                system.Log.Warning("Clients did not leave within {Grace}; stopping without them",
                    _settings.ShutdownGrace);
            }

            return Done.Instance;
        });

    private Props GatewayProps(IMeterFactory meters)
    {
        var census = new TableCensus();
        return GatewayActor.Props(
            _settings.Actors, _node, _settings.Realm, _quic.Provider, Listeners(), census,
            new GatewayMetrics(meters, census));
    }

    private IReadOnlyList<QuicListenOptions> Listeners() => [.. _settings.Quic.Listen.Select(Listener)];

    private QuicListenOptions Listener(IPEndPoint endPoint)
    {
        var quic = _settings.Quic;
        return new()
        {
            EndPoint = endPoint,
            Certificate = _certificate.Identity.Certificate,
            Intermediates = _certificate.Identity.Intermediates,
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

    private MaculaNodeInfo Info(IReadOnlyList<IPEndPoint> listening) => new(
        _settings.Realm,
        _node.ToString(),
        listening,
        _quic.Provider.Name,
        _quic.Why,
        QuicTrust.Fingerprint(_certificate.Identity.Certificate),
        _certificate.Source);
}
