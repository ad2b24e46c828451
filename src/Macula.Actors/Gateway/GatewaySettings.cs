using Akka.Configuration;
using Macula.Actors.Clients;
using Macula.Actors.Configuration;
using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;

namespace Macula.Actors.Gateway;

/// <summary>The options of all actors of a node.</summary>
public sealed record GatewaySettings(
    GatewayOptions Gateway, ClientManagerOptions Clients, PubSubOptions PubSub, RegistryOptions Registry,
    RpcOptions Rpc, MeshOptions Mesh, KnownPeersOptions KnownPeers, MemoryOptions Memory)
{
    /// <summary>Reads the <c>macula</c> tree.</summary>
    /// <exception cref="SettingsException">Lists every fault of all sections.</exception>
    public static GatewaySettings Read(Config config)
    {
        List<OptionsReader> readers = [];
        var settings = new GatewaySettings(
            GatewayOptions.Read(Section("macula.gateway")),
            ClientManagerOptions.Read(Section("macula.clients")),
            PubSubOptions.Read(Section("macula.pubsub")),
            RegistryOptions.Read(Section("macula.registry")),
            RpcOptions.Read(Section("macula.rpc")),
            MeshOptions.Read(Section("macula.mesh")),
            KnownPeersOptions.Read(Section("macula.mesh")),
            MemoryOptions.Read(Section("macula.memory")));
        string[] faults = [.. readers.SelectMany(reader => reader.Faults)];
        return faults.Length == 0 ? settings : throw new SettingsException(faults);

        OptionsReader Section(string path)
        {
            var reader = new OptionsReader(config, path);
            readers.Add(reader);
            return reader;
        }
    }
}
