using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Metrics;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Counts a listener's connections, in all and by address, and says when it is enough. Nothing of a client is
/// kept or computed before it was asked. Any thread: the limits hold for all loops of the listener together.</summary>
/// <remarks>Between any two calls: a connection that has started and not ended is in the entry of its first address, and
/// an address without connections has none; so the table is bounded by the connections.</remarks>
internal sealed class Admission(Ngtcp2Options options, TransportMetrics metrics)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<AddressKey, Counts> _byAddress = [];
    private int _halfOpen;

    /// <summary>Addresses that have connections.</summary>
    public int Addresses
    {
        get
        {
            lock (_gate) return _byAddress.Count;
        }
    }

    /// <summary>Whether a further client has to prove its address first.</summary>
    public bool MustProveAddress => options.Retry switch
    {
        RetryPolicy.Always => true,
        RetryPolicy.Never => false,
        _ => Volatile.Read(ref _halfOpen) >= options.RetryMark,
    };

    /// <summary>Null when a further connection from there may start, as things are.</summary>
    public RefusalReason? Refusal(AddressKey address)
    {
        lock (_gate) return RefusalUnderGate(address);
    }

    /// <summary>A further connection from there begins, and null is told; or it must not, and why.</summary>
    public RefusalReason? Start(AddressKey address)
    {
        lock (_gate)
        {
            if (RefusalUnderGate(address) is { } reason) return reason;
            Count(address, halfOpen: 1, all: 1);
        }

        metrics.HalfOpened(1);
        return null;
    }

    /// <summary>Its handshake is complete.</summary>
    public void Completed(AddressKey address)
    {
        lock (_gate) Count(address, halfOpen: -1, all: 0);
        metrics.HalfOpened(-1);
        metrics.Handshake(completed: true);
    }

    /// <summary>Its handshake has failed.</summary>
    public void Failed(AddressKey address)
    {
        Withdrawn(address);
        metrics.Handshake(completed: false);
    }

    /// <summary>It has ended before its handshake began: its first packet was no good.</summary>
    public void Withdrawn(AddressKey address)
    {
        lock (_gate) Count(address, halfOpen: -1, all: -1);
        metrics.HalfOpened(-1);
    }

    /// <summary>After its handshake was complete, it has ended.</summary>
    public void Ended(AddressKey address)
    {
        lock (_gate) Count(address, halfOpen: 0, all: -1);
    }

    private RefusalReason? RefusalUnderGate(AddressKey address)
    {
        if (_halfOpen >= options.MaxHalfOpen) return RefusalReason.HalfOpen;
        if (!_byAddress.TryGetValue(address, out var counts)) return null;
        if (options.MaxConnectionsPerAddress > 0 && counts.All >= options.MaxConnectionsPerAddress)
            return RefusalReason.ConnectionsPerAddress;
        return options.MaxHalfOpenPerAddress > 0 && counts.HalfOpen >= options.MaxHalfOpenPerAddress
            ? RefusalReason.HalfOpenPerAddress
            : null;
    }

    private void Count(AddressKey address, int halfOpen, int all)
    {
        _halfOpen += halfOpen;
        ref var counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_byAddress, address, out _);
        counts.HalfOpen += halfOpen;
        counts.All += all;
        if (counts.All == 0) _byAddress.Remove(address);
    }

    private struct Counts
    {
        public int HalfOpen;
        public int All;
    }
}
