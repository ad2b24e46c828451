using Akka.Actor;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.PubSub;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;

namespace Macula.Actors.Tests;

/// <summary>For each concern of a node a message at which it throws, in the order in which they depend on each other.
/// </summary>
internal static class Poison
{
    private static readonly OrderedDictionary<string, object> Messages = new()
    {
        ["clients"] = new ClientProtocol.Connect(
            new ClientInfo(NodeId.Parse("x"), TestOptions.Realm, [], "", ""), new Sink()),
        ["pubsub"] = new PubSubProtocol.Subscribe(new Sink(), [Utf8Text.FromString("a")], 0, default),
        ["registry"] = new RegistryProtocol.NodeSeen(new Sink(), NodeId.Parse("x"), "", "", default),
        ["rpc"] = new RpcProtocol.Cancel(new Sink(), default, default),
        ["mesh"] = Kill.Instance,
    };

    public static IReadOnlyCollection<string> Concerns => Messages.Keys;

    public static object For(string concern) => Messages[concern];

    public static Task<IActorRef> Concern(this TestNode node, string name) =>
        new ActorSelection(node.Actor, name).ResolveOne(SpecExtensions.Deadline);

    /// <summary>Makes a concern fail, and returns when it and those that depend on it are at work again.</summary>
    public static async Task Crash(this TestNode node, Akka.TestKit.Xunit2.TestKit kit, string concern)
    {
        var before = Concerns.SkipWhile(each => each != concern).ToDictionary(each => each, Restarts);
        (await node.Concern(concern)).Tell(For(concern));
        await kit.Eventually(() => before.All(each => Restarts(each.Key) > each.Value));
        await kit.Handled(node.Actor);
        await node.AllHandled(kit);

        long Restarts(string name) => node.Meters.Total("macula.concern.restarts", name);
    }

    /// <summary>Returns once every concern has handled what it was told before.</summary>
    public static async Task AllHandled(this TestNode node, Akka.TestKit.Xunit2.TestKit kit)
    {
        foreach (var name in Concerns) await kit.Handled(await node.Concern(name));
    }

    /// <summary>What handlers throw that meet a poisoned message.</summary>
    public sealed class Exception : System.Exception;

    /// <summary>Throws in whatever touches it.</summary>
    private sealed class Sink : IFrameSink
    {
        public IActorRef Connection => throw new Exception();

        public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery) => throw new Exception();

        public void Settle() => throw new Exception();
    }
}
