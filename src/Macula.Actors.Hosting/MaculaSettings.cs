using System.Text;
using Akka.Configuration;
using Macula.Actors.Configuration;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Hosting;

/// <summary>The checked settings of a node: all sources read, every value in its range.</summary>
public sealed record MaculaSettings
{
    private const int MaxRealmBytes = 255;

    /// <summary>The whole configuration in order of authority, without Akka's own defaults.</summary>
    public required Config Config { get; init; }

    public required string Realm { get; init; }

    /// <summary>As configured; null when <see cref="NodeIdentity"/> has to find one.</summary>
    public required NodeId? NodeId { get; init; }

    public required string DataDirectory { get; init; }

    public required QuicSettings Quic { get; init; }

    /// <summary>How mesh peers are dialled.</summary>
    public required MeshSettings Mesh { get; init; }

    public required ClusterSettings Cluster { get; init; }

    /// <summary>What the actors read.</summary>
    public required GatewaySettings Actors { get; init; }

    /// <summary>What an orderly stop may take, at most.</summary>
    public required TimeSpan ShutdownGrace { get; init; }

    /// <summary>What code said, for what HOCON cannot: provider and certificate.</summary>
    public required MaculaOptions Options { get; init; }

    /// <summary>Reads and checks all settings; opens no port and creates no file.</summary>
    /// <exception cref="SettingsException">Anything is wrong; it lists everything that is.</exception>
    public static MaculaSettings Load(MaculaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> faults = [];
        var config = Sources(options, faults);
        faults.AddRange(MaculaConfig.Unknown(config));

        var root = new OptionsReader(config, "macula");
        var shutdown = new OptionsReader(config, "macula.shutdown");
        var settings = new MaculaSettings
        {
            Config = config.WithFallback(MaculaConfig.Reference),
            Options = options,
            Realm = RealmOf(root),
            NodeId = NodeIdOf(root),
            DataDirectory = NodeFolder.Find(root.Text("data-directory"), options.Environment),
            Quic = QuicSettings.Read(config, faults),
            Mesh = MeshSettings.Read(config, faults),
            Cluster = ClusterSettings.Read(config, faults),
            Actors = Collect(faults, () => GatewaySettings.Read(config))!, // null only together with a fault
            ShutdownGrace = shutdown.Duration("grace", TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10)),
        };

        if (faults.Count == 0 && root.Faults.Count == 0 && shutdown.Faults.Count == 0)
            CheckTogether(root, settings); // a faulty value cannot be compared
        faults.AddRange([.. root.Faults, .. shutdown.Faults]);
        return faults.Count == 0 ? settings : throw new SettingsException([.. faults.Distinct()]);
    }

    // What no section can judge alone.
    private static void CheckTogether(OptionsReader read, MaculaSettings settings)
    {
        var (quic, gateway) = (settings.Quic, settings.Actors.Gateway);

        // Any holder of any public certificate would be a mesh peer.
        if (quic.ClientCertificates != ClientCertificateMode.None && quic.ClientCaFile.Length == 0
            && gateway.PeerStreams == PeerStreams.Authenticated)
            read.Fault(
                "quic.client-ca-file", "",
                "a PEM file with the roots of your peers, while quic.client-certificates is "
                + $"{read.Text("quic.client-certificates")} and gateway.peer-streams is authenticated; "
                + "or set gateway.peer-streams = off");

        var least = gateway.CloseGrace + quic.CloseTimeout;
        if (settings.ShutdownGrace < least)
            read.Fault(
                "shutdown.grace", read.Text("shutdown.grace"),
                $"at least gateway.close-grace and quic.close-timeout together, {least.TotalMilliseconds}ms");
    }

    // A source that cannot be read is a fault; the others are read all the same.
    private static Config Sources(MaculaOptions options, List<string> faults)
    {
        Func<Config>[] sources =
        [
            () => MaculaConfig.FromSettings(options.Settings),
            () => MaculaConfig.FromEnvironment(options.Environment),
            () => options.ConfigFile is null ? Config.Empty : MaculaConfig.FromFile(options.ConfigFile),
        ];
        return sources.Aggregate(
            Config.Empty, (above, source) => above.WithFallback(Collect(faults, source) ?? Config.Empty));
    }

    private static T? Collect<T>(List<string> faults, Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (SettingsException fault)
        {
            faults.AddRange(fault.Faults);
            return null;
        }
    }

    private static string RealmOf(OptionsReader read)
    {
        var realm = read.Text("realm");
        if (Encoding.UTF8.GetByteCount(realm) is 0 or > MaxRealmBytes)
            read.Fault("realm", realm, $"1 to {MaxRealmBytes} bytes");
        return realm;
    }

    private static NodeId? NodeIdOf(OptionsReader read)
    {
        var text = read.Text("node-id");
        if (text.Length == 0) return null;
        if (!Protocol.NodeId.TryParse(text, out var id))
            read.Fault("node-id", text, "1 to 255 bytes, as text or as 0x and hexadecimal digits");
        return id;
    }
}
