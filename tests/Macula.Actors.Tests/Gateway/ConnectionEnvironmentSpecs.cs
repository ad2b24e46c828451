using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Gateway;

public sealed class ConnectionEnvironmentSpecs
{
    [Fact]
    public void Clients_with_the_same_capabilities_one_after_the_other_share_them()
    {
        var environment = Environment();
        IReadOnlyList<Utf8Text> usual = ["pubsub", "rpc"];

        var first = environment.ShareCapabilities(usual);
        Assert.Equal(["pubsub", "rpc"], first);
        Assert.Same(first, environment.ShareCapabilities(["pubsub", "rpc"]));
        Assert.Equal(["rpc", "pubsub"], environment.ShareCapabilities(["rpc", "pubsub"]));
        Assert.Equal(["rpc"], environment.ShareCapabilities(["rpc"]));
        Assert.Empty(environment.ShareCapabilities([]));
        Assert.Equal(["pubsub", "rpc"], environment.ShareCapabilities(usual));
        Assert.Equal(["pubsub", "rpc"], first);
    }

    private static ConnectionEnvironment Environment()
    {
        var (options, census) = (TestOptions.Defaults, new TableCensus());
        return new ConnectionEnvironment(
            new GatewayIdentity(NodeId.Parse("gateway"), TestOptions.Realm, options.PubSub), options.Gateway,
            new Neighbours(
                ActorRefs.Nobody, ActorRefs.Nobody, ActorRefs.Nobody, ActorRefs.Nobody, ActorRefs.Nobody),
            census.Add("pubsub.dedupe_ids", 10), new GatewayMetrics(new TestMeters(), census),
            options.Gateway.NewOutbound());
    }
}
