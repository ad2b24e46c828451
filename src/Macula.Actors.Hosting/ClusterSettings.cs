using Akka.Actor;
using Akka.Configuration;
using Macula.Actors.Configuration;

namespace Macula.Actors.Hosting;

/// <summary>The section <c>macula.cluster</c>.</summary>
public sealed record ClusterSettings
{
    public required string Host { get; init; }

    /// <summary>TCP; 0 takes a free one.</summary>
    public required int Port { get; init; }

    /// <summary>Whom to join; empty: nobody, the node is a cluster of one.</summary>
    public required IReadOnlyList<string> SeedNodes { get; init; }

    internal static ClusterSettings Read(Config config, List<string> faults)
    {
        var read = new OptionsReader(config, "macula.cluster");
        var settings = new ClusterSettings
        {
            Host = read.Text("host"),
            Port = read.Int("port", 0, ushort.MaxValue),
            SeedNodes = read.Texts("seed-nodes"),
        };

        if (settings.Host.Length == 0) read.Fault("host", "", "a host name or IP address");
        foreach (var seed in settings.SeedNodes)
            if (!ActorPath.TryParseAddress(seed, out _))
                read.Fault("seed-nodes", seed, "addresses such as akka.tcp://macula@10.0.0.1:4053");

        faults.AddRange(read.Faults);
        return settings;
    }
}
