using System.Collections.Concurrent;
using Macula.Actors.Transport.Ngtcp2.Connections;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Which connection a packet belongs to, by connection id or by stateless reset token.</summary>
/// <param name="tokens">Of all loops of the port: a connection that is found by one may be another loop's.</param>
internal sealed class RouteTable(ConcurrentDictionary<CidKey, Session> tokens)
{
    private readonly Dictionary<CidKey, Route> _ids = [];

    public Route? Find(CidKey id) => _ids.GetValueOrDefault(id);

    /// <summary>A stateless reset carries a random id; only its last 16 bytes say whom it is for.</summary>
    public Session? FindByToken(ReadOnlySpan<byte> packet) =>
        packet.Length >= StatelessResetTokens.ShortestReset
        && tokens.TryGetValue(new CidKey(packet[^StatelessResetTokens.TokenLength..]), out var session)
            ? session
            : null;

    public void Add(CidKey id, Route route) => _ids[id] = route;

    /// <summary>Only if it leads there: nobody takes what is another's.</summary>
    public void Remove(CidKey id, Route route)
    {
        if (_ids.TryGetValue(id, out var found) && ReferenceEquals(found, route)) _ids.Remove(id);
    }

    public void AddToken(CidKey token, Session session) => tokens[token] = session;

    /// <summary>Only if it still leads there: a peer may have named the same token as another.</summary>
    public void RemoveToken(CidKey token, Session session) =>
        tokens.TryRemove(new KeyValuePair<CidKey, Session>(token, session));
}
