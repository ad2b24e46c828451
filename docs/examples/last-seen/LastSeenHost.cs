using Akka.Hosting;
using Macula.Actors.Hosting;
using Macula.Actors.Rpc;

namespace Macula.Examples;

/// <summary>A node with one more actor.</summary>
public static class LastSeenHost
{
    /// <summary>For <c>builder.Services.AddAkka("macula", akka => akka.WithMacula().WithLastSeen())</c>.</summary>
    public static AkkaConfigurationBuilder WithLastSeen(this AkkaConfigurationBuilder akka, int maxDevices = 10_000) =>
        akka.WithActors((system, registry) =>
        {
            var props = LastSeenActor.Props(
                registry.Get<RpcActor>(), MaculaNode.Of(system).Tables, maxDevices, silence: TimeSpan.FromMinutes(5));
            registry.Register<LastSeenActor>(system.ActorOf(props, "last-seen"));
        });
}
