using Akka.Configuration;

namespace Macula.Actors.Tests;

/// <summary>The settings of a test system.</summary>
internal static class TestConfig
{
    /// <summary>Messages are serialized unless they say that they cannot be; time moves only when a spec says so.</summary>
    public static readonly Config Strict = ConfigurationFactory.ParseString("""
        akka.loglevel = WARNING
        akka.actor.serialize-messages = on
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.test.single-expect-default = 10s
        """);
}
