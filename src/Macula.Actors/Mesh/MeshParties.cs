using Akka.Actor;
using Macula.Actors.Bounded;

namespace Macula.Actors.Mesh;

/// <summary>The actors that use the pool. Each is watched once, however often it asks, and no longer than there is need:
/// one that is idle gives its place to the next when all are taken.</summary>
internal sealed class MeshParties
{
    private readonly LruMap<IActorRef, MeshParty> _parties;
    private readonly BoundedTable _table;
    private readonly Action<IActorRef> _watch;
    private readonly Action<IActorRef> _unwatch;
    private MeshParty? _last; // who asks once mostly asks again

    public MeshParties(BoundedTable table, Action<IActorRef> watch, Action<IActorRef> unwatch)
    {
        (_table, _watch, _unwatch) = (table, watch, unwatch);
        _parties = new LruMap<IActorRef, MeshParty>((int)table.Limit);
    }

    public IEnumerable<MeshParty> All => _parties.Entries.Select(entry => entry.Value);

    public MeshParty? Find(IActorRef actor)
    {
        if (_last is not null && ReferenceEquals(_last.Actor, actor)) return _last;
        return _parties.TryGet(actor, out var entry) ? entry.Value : null;
    }

    /// <summary>Who it is, watched from now on; null when there is no place.</summary>
    public MeshParty? Of(IActorRef actor, TimeSpan now)
    {
        if (Find(actor) is { } known) return _last = known;
        if (_parties.Count == _parties.Capacity)
        {
            if (_parties.Oldest is not { } idle)
            {
                _table.Reject();
                return null;
            }

            Remove(idle.Value);
            _table.Evicted();
            _unwatch(idle.Key);
        }

        var party = new MeshParty(actor);
        party.Entry = _parties.Add(actor, party, now);
        _table.Set(_parties.Count);
        _watch(actor);
        return _last = party;
    }

    public void Pin(MeshParty party, TimeSpan now) => _parties.Pin(party.Entry!, now);

    public void Unpin(MeshParty party, TimeSpan now) => _parties.Unpin(party.Entry!, now);

    public void Remove(MeshParty party)
    {
        if (!_parties.Remove(party.Entry!)) return;
        if (ReferenceEquals(_last, party)) _last = null;
        _table.Set(_parties.Count);
    }

    /// <summary>Watches nobody any more.</summary>
    public void Clear()
    {
        foreach (var entry in _parties.Entries.ToList())
        {
            Remove(entry.Value);
            _unwatch(entry.Key);
        }
    }
}
