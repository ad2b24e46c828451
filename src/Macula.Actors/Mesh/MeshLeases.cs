namespace Macula.Actors.Mesh;

/// <summary>The open streams of one connection, or of one actor that uses the pool: a chain through the leases
/// themselves. Adding and removing are O(1) and make nothing.</summary>
internal struct MeshLeases(MeshLeases.Chain chain)
{
    private MeshLease? _first;

    public int Count { get; private set; }

    public void Add(MeshLease lease)
    {
        ref var place = ref lease.PlaceIn(chain);
        place = new Place { IsIn = true, Next = _first };
        if (_first is not null) _first.PlaceIn(chain).Previous = lease;
        _first = lease;
        Count++;
    }

    /// <returns>False when it is not in this chain (any more).</returns>
    public bool Remove(MeshLease lease)
    {
        ref var place = ref lease.PlaceIn(chain);
        if (!place.IsIn) return false;
        if (place.Previous is null) _first = place.Next;
        else place.Previous.PlaceIn(chain).Next = place.Next;
        if (place.Next is not null) place.Next.PlaceIn(chain).Previous = place.Previous;
        place = default;
        Count--;
        return true;
    }

    /// <summary>As they are now, whatever happens to them later.</summary>
    public readonly List<MeshLease> ToList()
    {
        var all = new List<MeshLease>(Count);
        for (var lease = _first; lease is not null; lease = lease.PlaceIn(chain).Next) all.Add(lease);
        return all;
    }

    internal enum Chain
    {
        Link,
        Party,
    }

    /// <summary>Where a lease is in a chain.</summary>
    internal struct Place
    {
        public bool IsIn;
        public MeshLease? Previous;
        public MeshLease? Next;
    }
}
