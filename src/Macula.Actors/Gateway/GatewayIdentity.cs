using Macula.Actors.Protocol;
using Macula.Actors.PubSub;

namespace Macula.Actors.Gateway;

/// <summary>Who this node is, and which topics it takes.</summary>
/// <param name="Realm">Compared byte for byte with that of CONNECT.</param>
public sealed record GatewayIdentity(NodeId Node, string Realm, PubSubOptions Topics)
{
    /// <summary>Null, or why a message on this topic is not taken.</summary>
    internal string? TopicFault(Utf8Text topic) => Topics.Fault(topic.Span, Topics.MaxTopicLength);
}
