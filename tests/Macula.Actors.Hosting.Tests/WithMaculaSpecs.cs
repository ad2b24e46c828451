using System.Net;
using System.Text;
using Akka.Actor;
using Akka.Cluster;
using Akka.Hosting;
using Macula.Actors.Clients;
using Macula.Actors.Configuration;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Examples;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Macula.Actors.Hosting.Tests;

public sealed class WithMaculaSpecs : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly TemporaryFolder _folder = new();
    private readonly MemoryQuicProvider _machine = new(new MemoryQuicNetwork());

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Defect", "D55")]
    public async Task A_started_node_listens_and_says_where()
    {
        using var host = Build(options => options.Set("macula.node-id", "one").Realm = "org.example");
        await host.StartAsync().WaitAsync(Deadline);

        var node = await NodeOf(host).Ready.WaitAsync(Deadline);
        Assert.Equal(("org.example", "one", "memory"), (node.Realm, node.NodeId, node.Provider));
        Assert.Equal(2, node.Listening.Count);
        Assert.All(node.Listening, at => Assert.NotEqual(0, at.Port));
        await using var connection = await ConnectAsync(node, node.Listening[1]);
        Assert.Equal(node.Fingerprint, QuicTrust.Fingerprint(connection.RemoteCertificate!));
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    [Trait("Defect", "D32")]
    public async Task A_stop_closes_connections_frees_the_ports_and_ends_the_actor_system()
    {
        using var host = Build();
        await host.StartAsync().WaitAsync(Deadline);
        var node = await NodeOf(host).Ready.WaitAsync(Deadline);
        await using var connection = await ConnectAsync(node, node.Listening[0]);
        var system = host.Services.GetRequiredService<ActorSystem>();

        await host.StopAsync().WaitAsync(Deadline);

        Assert.True((await connection.Closed.WaitAsync(Deadline)).ByPeer);
        await Assert.ThrowsAsync<QuicTransportException>(() => ConnectAsync(node, node.Listening[0]));
        Assert.True(system.WhenTerminated.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_node_is_a_cluster_of_one_that_keeps_the_majority()
    {
        using var host = Build();
        await host.StartAsync().WaitAsync(Deadline);
        var system = host.Services.GetRequiredService<ActorSystem>();
        var isUp = new TaskCompletionSource();
        Cluster.Get(system).RegisterOnMemberUp(isUp.SetResult);

        await isUp.Task.WaitAsync(Deadline); // nobody else is there who could have let it in
        Assert.Contains("SplitBrainResolver", system.Settings.Config.GetString("akka.cluster.downing-provider-class"));
        Assert.Equal(
            "keep-majority", system.Settings.Config.GetString("akka.cluster.split-brain-resolver.active-strategy"));
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task The_nodes_actors_are_found_by_their_types_and_the_settings_by_their_path()
    {
        using var host = Build(options => options.Set("macula.clients.max-clients", "7"));
        await host.StartAsync().WaitAsync(Deadline);

        var gateway = await host.Services.GetRequiredService<IRequiredActor<GatewayActor>>().GetAsync()
            .WaitAsync(Deadline);
        var config = host.Services.GetRequiredService<ActorSystem>().Settings.Config;
        Assert.Equal("/user/macula", gateway.Path.ToStringWithoutAddress());
        Assert.Equal(7, config.GetInt("macula.clients.max-clients"));
        Assert.Equal("30s", config.GetString("macula.rpc.call-timeout"));
        var registry = host.Services.GetRequiredService<ActorRegistry>();
        Assert.Equal("/user/macula/clients", registry.Get<ClientManagerActor>().Path.ToStringWithoutAddress());
        Assert.Equal("/user/macula/pubsub", registry.Get<PubSubActor>().Path.ToStringWithoutAddress());
        Assert.Equal("/user/macula/registry", registry.Get<RegistryActor>().Path.ToStringWithoutAddress());
        Assert.Equal("/user/macula/mesh", registry.Get<MeshPoolActor>().Path.ToStringWithoutAddress());
        Assert.Equal("/user/macula/rpc", registry.Get<RpcActor>().Path.ToStringWithoutAddress());
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task An_actor_of_ones_own_stands_beside_the_nodes_and_its_table_among_theirs()
    {
        using var host = Build(extend: akka => akka.WithLastSeen(maxDevices: 3));
        await host.StartAsync().WaitAsync(Deadline);

        var system = host.Services.GetRequiredService<ActorSystem>();
        var registry = host.Services.GetRequiredService<ActorRegistry>();
        await registry.Get<LastSeenActor>().Ask<ActorIdentity>(new Identify(0), Deadline); // it has its table then
        var table = Assert.Single(MaculaNode.Of(system).Tables.Tables, table => table.Name == "example.devices");
        Assert.Equal((0, 3), (table.Size, table.Limit));
        var rpc = registry.Get<RpcActor>();
        var count = await rpc.Ask<RpcProtocol.CallEnded>(
            new RpcProtocol.CallLocal("presence.count", "{}"u8.ToArray()), Deadline);
        Assert.Equal("0", Encoding.UTF8.GetString(count.Result.Span));
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task The_telemetry_page_lists_every_table_of_a_node_and_no_other()
    {
        using var host = Build();
        await host.StartAsync().WaitAsync(Deadline);
        var tables = MaculaNode.Of(host.Services.GetRequiredService<ActorSystem>()).Tables.Tables.Select(each => each.Name);

        var listed = DocsSpecs.TelemetryRows("").Select(row => row[0]).Where(name => !name.Contains("macula", StringComparison.Ordinal));
        Assert.Equal(tables, listed.Where(name => !name.Contains(' ')).Order(StringComparer.Ordinal));
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task Bad_settings_fail_the_host_with_all_faults()
    {
        using var host = Build(options => options
            .Set("macula.clients.max-clients", "0").Set("macula.rpc.max-hop", "1"));

        var fault = await Assert.ThrowsAsync<SettingsException>(() => host.StartAsync().WaitAsync(Deadline));
        Assert.Equal(2, fault.Faults.Count);
    }

    [Fact]
    [Trait("Defect", "D55")]
    public async Task A_taken_port_fails_the_host_and_whoever_waits_for_the_node()
    {
        using var first = Build();
        await first.StartAsync().WaitAsync(Deadline);
        var taken = (await NodeOf(first).Ready).Listening[0];

        using var second = Build(options => options.Listen = $"{taken}");
        var fault = await Assert.ThrowsAsync<MaculaStartException>(() => second.StartAsync().WaitAsync(Deadline));

        Assert.Contains($"{taken}", fault.Message, StringComparison.Ordinal);
        await first.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task Two_nodes_share_a_process_without_counting_each_other()
    {
        using var one = Build();
        using var other = Build();
        await one.StartAsync().WaitAsync(Deadline);
        await other.StartAsync().WaitAsync(Deadline);

        Assert.NotEqual((await NodeOf(one).Ready).Listening, (await NodeOf(other).Ready).Listening);
        await one.StopAsync().WaitAsync(Deadline);
        await other.StopAsync().WaitAsync(Deadline);
    }

    private IHost Build(
        Action<MaculaOptions>? configure = null, Action<AkkaConfigurationBuilder>? extend = null)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddAkka("macula", akka =>
        {
            akka.WithMacula(options =>
            {
                options.Environment = new Dictionary<string, string>();
                options.DataDirectory = _folder.Path;
                options.Listen = "127.0.0.1:0,127.0.0.1:0";
                options.Provider = _machine;
                options.Set("macula.cluster.port", "0");
                configure?.Invoke(options);
            });
            extend?.Invoke(akka);
        });
        return builder.Build();
    }

    private async Task<IQuicConnection> ConnectAsync(MaculaNodeInfo node, IPEndPoint endPoint) =>
        await _machine.ConnectAsync(new QuicConnectOptions
        { EndPoint = endPoint, Trust = QuicTrust.Pinned(node.Fingerprint) }).AsTask().WaitAsync(Deadline);

    private static MaculaNode NodeOf(IHost host) => MaculaNode.Of(host.Services.GetRequiredService<ActorSystem>());
}
