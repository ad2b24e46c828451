using System.Net;
using Akka.Configuration;
using Macula.Actors.Clients;
using Macula.Actors.Configuration;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Hosting.Tests;

public sealed class MaculaSettingsSpecs
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;

    [Fact]
    public void Code_wins_over_environment_over_file_over_reference()
    {
        using var folder = new TemporaryFolder();
        var options = Bare();
        options.ConfigFile = folder.Write("node.conf", """
            macula {
              realm = of.the.file
              clients { max-clients = 2, retry-after = 2s }
              rpc.max-hops = 2
            }
            """);
        options.Environment = new Dictionary<string, string>
        {
            ["MACULA__REALM"] = "of.the.environment",
            ["MACULA__CLIENTS__MAX_CLIENTS"] = "3",
        };
        options.Realm = "of.code";

        var settings = MaculaSettings.Load(options);

        Assert.Equal("of.code", settings.Realm);
        Assert.Equal(3, settings.Actors.Clients.MaxClients);
        Assert.Equal(TimeSpan.FromSeconds(2), settings.Actors.Clients.RetryAfter);
        Assert.Equal(2, settings.Actors.Rpc.MaxHops);
        Assert.Equal(TimeSpan.FromSeconds(30), settings.Actors.Rpc.CallTimeout);
    }

    [Fact]
    public void All_faults_of_all_sources_are_told_at_once()
    {
        var options = Bare();
        options.ConfigFile = "/nowhere/node.conf";
        options.Environment = new Dictionary<string, string>
        {
            ["MACULA__CLIENTS__MAX_CLIENT"] = "3",
            ["MACULA__RPC__MAX_HOPS"] = "256",
        };
        options.Set("macula.quic.idle-timeout", "30").Set("macula.registry.max-services", "many");
        options.Realm = "";

        var faults = Faults(options);

        Assert.Equal(
            [
                "macula.clients.max-client is unknown; did you mean macula.clients.max-clients?",
                "macula.quic.idle-timeout is '30'; allowed: a time with its unit (ms, s, m, h, d) from 1s to 1h",
                "macula.realm is ''; allowed: 1 to 255 bytes",
                "macula.registry.max-services is 'many'; allowed: a whole number from 1 to 100000000",
                "macula.rpc.max-hops is '256'; allowed: a whole number from 1 to 255",
                "The configuration file cannot be read: Could not find a part of the path '/nowhere/node.conf'.",
            ],
            faults.Order(StringComparer.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("macula.quic.certificate-file", "/a.pem", "macula.quic.key-file is ''")]
    [InlineData("macula.quic.key-file", "/a.pem", "macula.quic.certificate-file is ''")]
    [InlineData("macula.quic.key-password", "secret", "macula.quic.certificate-file is ''; allowed: a file, since")]
    [InlineData("macula.quic.certificate-reload-interval", "25h", "macula.quic.certificate-reload-interval is '25h'")]
    [InlineData("macula.quic.keep-alive-interval", "30s", "macula.quic.keep-alive-interval is '30s'")]
    [InlineData("macula.quic.connection-receive-window", "128KiB", "macula.quic.connection-receive-window is '128KiB'")]
    [InlineData("macula.quic.retry", "sometimes", "macula.quic.retry is 'sometimes'; allowed: one of under-pressure, always, never")]
    [InlineData("macula.quic.retry-mark", "2048", "macula.quic.max-half-open-per-address is '2048'; allowed: 0, or more than retry-mark")]
    [InlineData("macula.quic.max-half-open", "1024", "macula.quic.max-half-open is '1024'; allowed: more than retry-mark")]
    [InlineData("macula.quic.max-connections-per-address", "1024", "macula.quic.max-connections-per-address is '1024'; allowed: 0, or more than retry-mark")]
    [InlineData("macula.quic.certificate-reload-interval", "999ms", "macula.quic.certificate-reload-interval is '999ms'; allowed: 0, or 1s to 24h")]
    [InlineData("macula.quic.loops", "65", "macula.quic.loops is '65'; allowed: a whole number from 0 to 64")]
    [InlineData("macula.quic.listen", "0.0.0.0", "macula.quic.listen is '0.0.0.0'")]
    [InlineData("macula.quic.listen", "::1", "macula.quic.listen is '::1'")]
    [InlineData("macula.quic.listen", "localhost:1", "macula.quic.listen is 'localhost:1'")]
    [InlineData("macula.quic.listen", "0.0.0.0:65536", "macula.quic.listen is '0.0.0.0:65536'")]
    [InlineData("macula.quic.listen", "", "macula.quic.listen is '0 addresses'")]
    [InlineData("macula.quic.provider", "quiche", "macula.quic.provider is 'quiche'; allowed: one of auto, system")]
    [InlineData("macula.quic.client-certificates", "maybe", "macula.quic.client-certificates is 'maybe'")]
    [InlineData("macula.node-id", "0xq", "macula.node-id is '0xq'")]
    [InlineData("macula.cluster.seed-nodes", "10.0.0.1:4053", "macula.cluster.seed-nodes is '10.0.0.1:4053'")]
    [InlineData("macula.cluster.port", "-1", "macula.cluster.port is '-1'")]
    [InlineData("macula.rpc.call-timeout", "6m", "macula.rpc.call-timeout is '")]
    [InlineData("macula.gateway.outbound-max-bytes", "1MiB", "macula.gateway.outbound-max-bytes is '")]
    [InlineData("macula.memory.high-mark", "101", "macula.memory.high-mark is '101'")]
    [InlineData("macula.memory.high-mark", "70", "macula.memory.low-mark is '70'; allowed: less than high-mark, which is 70")]
    [InlineData("macula.memory.low-mark", "80", "macula.memory.low-mark is '80'; allowed: less than high-mark, which is 80")]
    [InlineData("macula.memory.limit", "63MiB", "macula.memory.limit is '63MiB'; allowed: 0, or at least 64MiB")]
    [InlineData("macula.memory.limit", "half", "macula.memory.limit is 'half'; allowed: a size (B, kB, KiB, MB, MiB, GB, GiB) from 0B to 65536GiB")]
    [InlineData("macula.memory.check-interval", "1ms", "macula.memory.check-interval is '1ms'")]
    [InlineData("macula.memory.step-interval", "2h", "macula.memory.step-interval is '2h'")]
    [InlineData("macula.memory.retry-after", "30", "macula.memory.retry-after is '30'")]
    [InlineData("macula.mesh.request-timeout", "4s", "macula.mesh.request-timeout is '")]
    [InlineData("macula.mesh.fingerprints", "0123", "macula.mesh.fingerprints is '0123'; allowed: SHA-256")]
    [InlineData("macula.mesh.client-certificate", "maybe", "macula.mesh.client-certificate is 'maybe'")]
    [InlineData("macula.mesh.endpoint", "host:0", "macula.mesh.endpoint is 'host:0'; allowed: host:port")]
    [InlineData("macula.mesh.peers", "host:9443", "macula.mesh.peers is 'host:9443'; allowed: a list of node-id@host:port")]
    [InlineData("macula.mesh.peers", "a@h:1, a@h:2", "macula.mesh.peers is 'a@h:2'; allowed: a list of node-id@host:port")]
    [InlineData("macula.registry.mass-expiry-share", "0", "macula.registry.mass-expiry-share is '0'")]
    [InlineData("macula.shutdown.grace", "1ms", "macula.shutdown.grace is '1ms'")]
    public void A_value_that_cannot_work_is_told(string key, string value, string fault) =>
        Assert.StartsWith(fault, Assert.Single(Faults(Bare().Set(key, value))), StringComparison.Ordinal);

    [Fact]
    public void Peers_of_the_mesh_are_read_from_their_texts()
    {
        var options = Bare().Set("macula.mesh.peers", "b@10.0.0.2:9444,me@home@[::1]").Set("macula.mesh.endpoint", "Here.example:1");

        var known = MaculaSettings.Load(options).Actors.KnownPeers;

        Assert.Equal(
            [
                new RegistryProtocol.Peer(NodeId.Parse("b"), new PeerAddress("10.0.0.2", 9444)),
                new RegistryProtocol.Peer(NodeId.Parse("me@home"), new PeerAddress("::1", PeerAddress.DefaultPort)),
            ],
            known.Peers);
        Assert.Equal(new PeerAddress("here.example", 1), known.Endpoint);
    }

    [Theory]
    [InlineData("allow", "", "authenticated", false)]
    [InlineData("require", "", "authenticated", false)]
    [InlineData("require", "/peers.pem", "authenticated", true)]
    [InlineData("require", "", "off", true)]
    [InlineData("none", "", "authenticated", true)]
    public void Peers_are_never_trusted_by_a_public_certificate(string mode, string roots, string peers, bool isGood)
    {
        var options = Bare().Set("macula.quic.client-certificates", mode).Set("macula.quic.client-ca-file", roots)
            .Set("macula.gateway.peer-streams", peers);

        if (isGood) MaculaSettings.Load(options);
        else
            Assert.Equal(
                $"macula.quic.client-ca-file is ''; allowed: a PEM file with the roots of your peers, while "
                + $"quic.client-certificates is {mode} and gateway.peer-streams is authenticated; or set "
                + "gateway.peer-streams = off",
                Assert.Single(Faults(options)));
    }

    [Fact]
    public void Peers_are_judged_by_roots_or_by_fingerprints_and_not_by_both()
    {
        var options = Bare().Set("macula.mesh.ca-file", "/peers.pem");
        Assert.Equal("/peers.pem", MaculaSettings.Load(options).Mesh.CaFile);

        options.Set("macula.mesh.fingerprints", new string('a', 64));
        Assert.StartsWith(
            "macula.mesh.ca-file is '/peers.pem'; allowed: nothing while fingerprints are given",
            Assert.Single(Faults(options)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_shutdown_has_time_to_close_connections()
    {
        var options = Bare().Set("macula.gateway.close-grace", "1s").Set("macula.quic.close-timeout", "3s");
        options.Set("macula.shutdown.grace", "3999ms");
        Assert.Equal(
            "macula.shutdown.grace is '3999ms'; allowed: at least gateway.close-grace and quic.close-timeout "
            + "together, 4000ms",
            Assert.Single(Faults(options)));

        options.Set("macula.shutdown.grace", "4s");
        Assert.Equal(TimeSpan.FromSeconds(4), MaculaSettings.Load(options).ShutdownGrace);
    }

    [Theory]
    [InlineData("0.0.0.0:9443,[::1]:0", "0.0.0.0:9443", "[::1]:0")]
    [InlineData("127.0.0.1:1", "127.0.0.1:1")]
    public void Listeners_are_addresses_with_ports(string text, params string[] endPoints) => Assert.Equal(
        endPoints.Select(IPEndPoint.Parse), MaculaSettings.Load(Bare().Set("macula.quic.listen", text)).Quic.Listen);

    [Fact]
    public void The_data_directory_is_as_set_else_MACULA_DATA_DIR_else_XDG_else_home()
    {
        Dictionary<string, string> environment = new()
        { ["MACULA_DATA_DIR"] = "/own", ["XDG_DATA_HOME"] = "/xdg", ["HOME"] = "/home/me" };
        var options = new MaculaOptions { Environment = environment, DataDirectory = "/set" };

        Assert.Equal("/set", MaculaSettings.Load(options).DataDirectory);
        options.DataDirectory = null;
        Assert.Equal("/own", MaculaSettings.Load(options).DataDirectory);
        environment.Remove("MACULA_DATA_DIR");
        Assert.Equal("/xdg/macula", MaculaSettings.Load(options).DataDirectory);
        environment.Remove("XDG_DATA_HOME");
        Assert.Equal("/home/me/.local/share/macula", MaculaSettings.Load(options).DataDirectory);
    }

    [Fact]
    public void Every_setting_of_the_reference_is_read_by_somebody()
    {
        foreach (var setting in Leaves(MaculaConfig.Reference.GetConfig("macula"), "macula"))
        {
            using var folder = new TemporaryFolder();
            var options = Bare();
            options.ConfigFile = folder.Write("node.conf", $"{setting} {{ wrong = 1 }}");

            // An object where a value belongs: whoever reads the setting says so.
            Assert.Contains(Faults(options), fault => fault.StartsWith($"{setting} is '", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_production_example_is_in_order()
    {
        var options = Bare();
        options.ConfigFile = Path.Combine(AppContext.BaseDirectory, "node.conf");

        Assert.Equal(5000, MaculaSettings.Load(options).Actors.Clients.MaxClients);
    }

    [Fact]
    public void The_defaults_are_these()
    {
        var settings = MaculaSettings.Load(Bare());

        Assert.Equal("com.example.realm", settings.Realm);
        Assert.Null(settings.NodeId);
        Assert.Equal(TimeSpan.FromSeconds(5), settings.ShutdownGrace);
        Assert.Equal([IPEndPoint.Parse("0.0.0.0:9443")], settings.Quic.Listen);
        Assert.Equal(Quic with { Listen = settings.Quic.Listen }, settings.Quic);
        Assert.Empty(settings.Mesh.Fingerprints);
        Assert.Equal(
            new MeshSettings
            {
                CaFile = "",
                Fingerprints = settings.Mesh.Fingerprints,
                ClientCertificate = false,
            },
            settings.Mesh);
        Assert.Equal(("127.0.0.1", 4053), (settings.Cluster.Host, settings.Cluster.Port));
        Assert.Empty(settings.Cluster.SeedNodes);
        Assert.Equal(Actors, settings.Actors);
    }

    private static QuicSettings Quic => new()
    {
        Provider = QuicProviderChoice.Auto,
        Listen = [],
        CertificateFile = "",
        KeyFile = "",
        KeyPassword = "",
        CertificateReloadInterval = TimeSpan.FromMinutes(1),
        ClientCertificates = ClientCertificateMode.None,
        ClientCaFile = "",
        IdleTimeout = TimeSpan.FromSeconds(30),
        KeepAliveInterval = TimeSpan.FromSeconds(10),
        HandshakeTimeout = TimeSpan.FromSeconds(10),
        CloseTimeout = TimeSpan.FromSeconds(2),
        MaxStreamsPerConnection = 100,
        StreamReceiveWindow = 256 * KiB,
        ConnectionReceiveWindow = MiB,
        AcceptBacklog = 512,
        Retry = RetryPolicy.UnderPressure,
        RetryMark = 1024,
        RetryTokenLifetime = TimeSpan.FromSeconds(10),
        MaxHalfOpen = 4096,
        MaxHalfOpenPerAddress = 2048,
        MaxConnectionsPerAddress = 0,
        MaxClosing = 50_000,
        Loops = 1,
    };

    private static GatewaySettings Actors => new(
        new GatewayOptions
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            MaxConnectSize = 4 * KiB,
            MaxFrameSize = MiB,
            MaxFramesInFlight = 64,
            MaxBytesInFlight = MiB,
            MaxBytesAssembling = 4 * 1024 * 1024,
            OutboundMaxFrames = 1024,
            OutboundMaxBytes = 4 * MiB,
            SlowConsumer = SlowConsumerPolicy.DropOldest,
            PeerStreams = PeerStreams.Authenticated,
            MaxConnections = 12_000,
            CloseGrace = TimeSpan.FromMilliseconds(500),
        },
        new ClientManagerOptions
        {
            MaxClients = 10_000,
            RetryAfter = TimeSpan.FromSeconds(5),
            RetrySpread = TimeSpan.FromSeconds(5),
            DrainBatch = 500,
            DrainInterval = TimeSpan.FromMilliseconds(100),
            MaxListPage = 1000,
        },
        new PubSubOptions
        {
            MaxPatternsPerClient = 1000,
            MaxPatterns = 1_000_000,
            MaxPatternNodes = 2_000_000,
            MaxPatternLength = 1024,
            MaxSegments = 64,
            MaxDoubleStars = 4,
            MaxMatchCostPerClient = 65_536,
            MaxMatchCost = 500_000,
            MaxTopicLength = 1024,
            MaxRetained = 10_000,
            MaxRetainedBytes = 64 * MiB,
            RetainedTtl = TimeSpan.FromHours(24),
            MaxRetainedPerSubscribe = 1000,
            MaxRetainedSteps = 100_000,
            DedupeWindow = TimeSpan.FromSeconds(30),
            MaxDedupeIds = 1_000_000,
            MaxDedupeIdsPerClient = 1024,
        },
        new RegistryOptions
        {
            ServiceTtl = TimeSpan.FromSeconds(300),
            CleanupInterval = TimeSpan.FromSeconds(60),
            CacheTtl = TimeSpan.FromSeconds(60),
            MaxServices = 100_000,
            MaxServicesPerClient = 1000,
            MaxProvidersPerService = 1000,
            MaxCachedServices = 10_000,
            MaxValueSize = 64 * KiB,
            MaxStoredBytes = 256 * MiB,
            MaxStoredBytesPerClient = 16 * MiB,
            MassExpiryGuard = true,
            MassExpiryShare = 50,
            MassExpiryMinimum = 20,
        },
        new RpcOptions
        {
            CallTimeout = TimeSpan.FromSeconds(30),
            MaxCallTimeout = TimeSpan.FromMinutes(5),
            MaxPendingCalls = 100_000,
            MaxPendingCallsPerClient = 1000,
            MaxPendingBytes = 256 * MiB,
            MaxPendingBytesPerClient = 16 * MiB,
            MaxPendingLookups = 10_000,
            LookupTimeout = TimeSpan.FromSeconds(5),
            MaxAttempts = 3,
            MaxHandlers = 10_000,
            MaxCallsPerHandler = 256,
            MaxProcedureLength = 1024,
            MaxHops = 10,
            Strategy = SelectionStrategy.RoundRobin,
        },
        new MeshOptions
        {
            MaxConnections = 1000,
            MaxDials = 256,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            RequestTimeout = TimeSpan.FromSeconds(10),
            IdleTimeout = TimeSpan.FromMinutes(5),
            MaxWaiters = 10_000,
            MaxWaitersPerPeer = 1000,
            MaxStreams = 50_000,
            MaxStreamsPerPeer = 1000,
            MaxExchanges = 20_000,
            MaxExchangesPerPeer = 1000,
            MaxRequesters = 20_000,
            RetireGrace = TimeSpan.FromSeconds(30),
        },
        new KnownPeersOptions { Peers = [], RefreshInterval = TimeSpan.FromSeconds(60), Endpoint = null },
        new MemoryOptions
        {
            HighMark = 80,
            LowMark = 70,
            Limit = 0,
            CheckInterval = TimeSpan.FromSeconds(1),
            StepInterval = TimeSpan.FromSeconds(10),
            RetryAfter = TimeSpan.FromSeconds(30),
        });

    // The environment of whoever runs the tests is not part of them.
    private static MaculaOptions Bare() => new() { Environment = new Dictionary<string, string>() };

    private static IReadOnlyList<string> Faults(MaculaOptions options) =>
        Assert.Throws<SettingsException>(() => MaculaSettings.Load(options)).Faults;

    private static IEnumerable<string> Leaves(Config config, string path) => config.AsEnumerable().SelectMany(entry =>
        entry.Value.IsObject() ? Leaves(config.GetConfig(entry.Key), $"{path}.{entry.Key}") : [$"{path}.{entry.Key}"]);
}
