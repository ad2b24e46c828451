namespace Macula.Actors.Load.Scenarios;

/// <summary>What a pool with a limit must hold when the least recently used gives way.</summary>
internal sealed class LruModel(int limit)
{
    private readonly LinkedList<int> _order = new(); // the least recently used first
    private readonly Dictionary<int, LinkedListNode<int>> _held = [];

    public IReadOnlyCollection<int> Held => _held.Keys;

    /// <summary>Uses a member, which may be new; returns who gave way, or null.</summary>
    public int? Use(int member)
    {
        if (_held.Remove(member, out var known)) _order.Remove(known);
        int? gone = null;
        if (_held.Count == limit)
        {
            gone = _order.First!.Value;
            _order.RemoveFirst();
            _held.Remove(gone.Value);
        }

        _held[member] = _order.AddLast(member);
        return gone;
    }
}
