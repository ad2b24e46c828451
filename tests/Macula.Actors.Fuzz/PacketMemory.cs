namespace Macula.Actors.Fuzz;

/// <summary>The last packets that went by, up to a number.</summary>
internal sealed class PacketMemory
{
    private const int Capacity = 512;

    private readonly Lock _gate = new();
    private readonly List<byte[]> _packets = new(Capacity);
    private int _next;

    public void Add(ReadOnlyMemory<byte> packet)
    {
        var copy = packet.ToArray();
        lock (_gate)
        {
            if (_packets.Count < Capacity) _packets.Add(copy);
            else _packets[_next] = copy;
            _next = (_next + 1) % Capacity;
        }
    }

    /// <summary>A copy of one; null while there is none.</summary>
    public byte[]? Pick(Random random)
    {
        lock (_gate) return _packets.Count == 0 ? null : (byte[])_packets[random.Next(_packets.Count)].Clone();
    }
}
