using Akka.Cluster.Hosting;
using Akka.Cluster.Hosting.SBR;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Macula.Actors.Configuration;

namespace Macula.Actors.Hosting;

/// <summary>Macula's verbs for Akka.Hosting.</summary>
public static class MaculaHostingExtensions
{
    // Macula's own stop has to fit into its phase, and the host owns the process, not Akka.
    private const string AkkaDefaults = """
        akka.stdout-loglevel = WARNING
        akka.log-dead-letters = off
        akka.log-dead-letters-during-shutdown = off
        akka.coordinated-shutdown {
          run-by-clr-shutdown-hook = off
          exit-clr = off
        }
        """;

    /// <summary>Makes the actor system a Macula node: settings read and checked, a cluster of one unless told
    /// otherwise, QUIC listeners bound before the host's start completes, clients told when it stops.</summary>
    /// <param name="builder">As given by <c>AddAkka</c>.</param>
    /// <param name="configure">What code says; it wins over environment, file and defaults.</param>
    /// <exception cref="SettingsException">Settings are wrong; all faults are listed. The host does not start.
    /// </exception>
    /// <exception cref="MaculaStartException">The node cannot start on this machine. So fails the host's start when
    /// there is no QUIC or a listener cannot be bound.</exception>
    /// <example><code>
    /// builder.Services.AddAkka("macula", akka => akka.WithMacula(o => o.Realm = "org.example.home"));
    /// </code></example>
    public static AkkaConfigurationBuilder WithMacula(
        this AkkaConfigurationBuilder builder, Action<MaculaOptions>? configure = null)
    {
        var options = new MaculaOptions();
        configure?.Invoke(options);
        return builder.WithMacula(MaculaSettings.Load(options));
    }

    /// <summary>As the other one, with settings that are loaded already.</summary>
    public static AkkaConfigurationBuilder WithMacula(this AkkaConfigurationBuilder builder, MaculaSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var start = NodeStart.Prepare(settings);
        return builder
            .ConfigureLoggers(loggers => { loggers.ClearLoggers(); loggers.AddLoggerFactory(); })
            .WithMaculaCluster(settings.Cluster)
            .AddHocon(ConfigurationFactory.ParseString(AkkaDefaults), HoconAddMode.Prepend)
            .AddHocon(NodeStart.ShutdownPhase(settings.ShutdownGrace), HoconAddMode.Prepend)
            .AddHocon(settings.Config, HoconAddMode.Prepend)
            .WithActors(start.RunAsync);
    }

    /// <summary>Remoting and cluster as <c>macula.cluster</c> says; part of <c>WithMacula</c>.</summary>
    public static AkkaConfigurationBuilder WithMaculaCluster(
        this AkkaConfigurationBuilder builder, ClusterSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return builder
            .WithRemoting(settings.Host, settings.Port)
            .WithClustering(new ClusterOptions
            {
                Roles = ["macula"],
                SeedNodes = [.. settings.SeedNodes],
                SplitBrainResolver = new KeepMajorityOption(),
                LogInfo = false,
            });
    }
}
