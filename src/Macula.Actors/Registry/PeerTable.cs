using Macula.Actors.Protocol;
using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Registry;

/// <summary>The other gateways that are known, and whose turn it is to be asked for more.</summary>
/// <remarks>A peer is in it once, and once in the queue of turns. One that failed is gone; those of the settings are tried
/// again at each turn. Not thread-safe.</remarks>
internal sealed class PeerTable
{
    // So many refreshes without a sign of life, and a peer gives way to a newer one when its bucket is full.
    private const int StaleAfter = 3;

    private readonly RoutingTable<Entry> _peers;
    private readonly Queue<NodeId> _turns = new(); // those that are gone stay in it until their turn
    private readonly HashSet<NodeId> _queued = [];
    private readonly KnownPeersOptions _options;
    private readonly NodeId _self;
    private readonly DhtKey _place;

    public PeerTable(KnownPeersOptions options, NodeId self, TimeSpan now)
    {
        (_options, _self, _place) = (options, self, DhtKey.ForNode(self));
        _peers = new RoutingTable<Entry>(self);
        foreach (var peer in options.Peers) Put(peer, now, null);
    }

    public int Count => _peers.Count;

    public int Limit => _peers.Limit;

    /// <summary>Whether this is another node, as far as one can see.</summary>
    public bool IsOther(Peer peer) => peer.Node != _self && peer.Address != _options.Endpoint;

    /// <summary>A peer has answered.</summary>
    /// <returns>Whether another one gave way to it.</returns>
    public bool Seen(Peer peer, TimeSpan now, long unixNow) => Put(peer, now, unixNow);

    /// <summary>A peer was named by another one, which changes nothing when it is known.</summary>
    /// <param name="lastSeen">As it was told.</param>
    /// <returns>Whether another one gave way to it.</returns>
    public bool Named(Peer peer, TimeSpan now, long? lastSeen) =>
        !_peers.TryGet(peer.Node, out _) && Put(peer, now, lastSeen);

    /// <returns>False when it is known at another address, which says nothing against it: what clients store of others
    /// need not be true.</returns>
    public bool Failed(Peer peer)
    {
        if (_peers.TryGet(peer.Node, out var known) && known.Peer.Address != peer.Address) return false;
        _peers.Remove(peer.Node);
        return true;
    }

    /// <summary>The peers closest to a place, closest first.</summary>
    public List<Peer> Closest(DhtKey place, int count) =>
        [.. _peers.Closest(place, count).Select(found => found.Value.Peer)];

    /// <summary>As <see cref="Closest"/>, but only those that are closer to it than this node, and not
    /// <paramref name="except"/>.</summary>
    public List<Peer> Closer(DhtKey place, NodeId except, int count)
    {
        var own = _place.DistanceTo(place);
        return
        [
            .. _peers.Closest(place, count + 1).Select(found => found.Value.Peer)
                .Where(peer => peer.Node != except && DhtKey.ForNode(peer.Node).DistanceTo(place) < own)
                .Take(count),
        ];
    }

    /// <summary>As FIND_NODE_REPLY has them.</summary>
    public IEnumerable<NodeInfo> Infos(DhtKey place, int count) =>
        _peers.Closest(place, count).Select(found => Info(found.Value.Peer, found.Value.LastSeen));

    public static NodeInfo Info(Peer peer, long? lastSeen) =>
        new(peer.Node, peer.Address.ToString(), lastSeen, (Utf8Text)$"https://{peer.Address}");

    /// <summary>Those to be asked now: a few in turn, and all of the settings that are not known (any more).</summary>
    public List<Peer> Next(int count)
    {
        List<Peer> next = [.. _options.Peers.Where(peer => IsOther(peer) && !_peers.TryGet(peer.Node, out _))];
        var all = next.Count + count;
        for (var left = _turns.Count; left > 0 && next.Count < all; left--)
        {
            var node = _turns.Dequeue();
            if (_peers.TryGet(node, out var entry))
            {
                _turns.Enqueue(node);
                next.Add(entry.Peer);
            }
            else
            {
                _queued.Remove(node);
            }
        }

        return next;
    }

    private bool Put(Peer peer, TimeSpan now, long? lastSeen)
    {
        if (!IsOther(peer)) return false;
        var isIn = _peers.Put(
            peer.Node, new Entry(peer, now, lastSeen),
            entry => now - entry.SeenAt > StaleAfter * _options.RefreshInterval, out var replaced);
        if (isIn && _queued.Add(peer.Node)) _turns.Enqueue(peer.Node);
        return !replaced.IsEmpty;
    }

    /// <param name="SeenAt">When it answered or was named first, in scheduler time.</param>
    /// <param name="LastSeen">When it answered, here or elsewhere, in Unix milliseconds, where known.</param>
    private sealed record Entry(Peer Peer, TimeSpan SeenAt, long? LastSeen);
}
