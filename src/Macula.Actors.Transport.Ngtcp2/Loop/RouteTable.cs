namespace Macula.Actors.Transport.Ngtcp2.Loop;

using Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>Which connection a packet belongs to, by connection id or by stateless reset token.</summary>
internal sealed class RouteTable
{
    private readonly Dictionary<CidKey, Route> _ids = [];
    private readonly Dictionary<CidKey, Session> _tokens = [];

    public Route? Find(CidKey id) => _ids.GetValueOrDefault(id);

    /// <summary>A stateless reset carries a random id; only its last 16 bytes say whom it is for.</summary>
    public Session? FindByToken(ReadOnlySpan<byte> packet) =>
        packet.Length >= StatelessResetTokens.ShortestReset && _tokens.Count > 0
            ? _tokens.GetValueOrDefault(new CidKey(packet[^StatelessResetTokens.TokenLength..]))
            : null;

    public void Add(CidKey id, Route route) => _ids[id] = route;

    /// <summary>Only if it still leads there: a client may have picked the same first id as another.</summary>
    public void Remove(CidKey id, Route route)
    {
        if (_ids.TryGetValue(id, out var found) && ReferenceEquals(found, route)) _ids.Remove(id);
    }

    public void AddToken(CidKey token, Session session) => _tokens[token] = session;

    public void RemoveToken(CidKey token, Session session)
    {
        if (_tokens.TryGetValue(token, out var found) && ReferenceEquals(found, session)) _tokens.Remove(token);
    }
}
