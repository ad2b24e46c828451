using Macula.Actors.Protocol;

namespace Macula.Actors.Clients;

/// <summary>What a client said of itself in CONNECT.</summary>
/// <param name="Node">Never nobody.</param>
/// <param name="Endpoint">Where peers may reach it, as it claims; empty when it did not say. Never resolved here.</param>
/// <param name="Address">Where its packets come from, <c>host:port</c>.</param>
public sealed record ClientInfo(
    NodeId Node, string Realm, IReadOnlyList<string> Capabilities, string Endpoint, string Address)
{
    /// <summary>Who it is.</summary>
    public NodeId Node { get; } =
        !Node.IsEmpty ? Node : throw new ArgumentException("A client has a node id.", nameof(Node));
}
