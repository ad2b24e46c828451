using System.Net;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Wire;

/// <summary>A node and how to connect to it.</summary>
/// <param name="EndPoint">An address, or a name that is resolved.</param>
/// <param name="Realm">The realm that it serves.</param>
/// <param name="Trust">Which certificate it may show.</param>
public sealed record LoadTarget(EndPoint EndPoint, string Realm, QuicTrust Trust)
{
    /// <summary>How long one attempt to connect may take. Default 30 s: thousands shake hands at once on the cores that the node
    /// needs too.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
