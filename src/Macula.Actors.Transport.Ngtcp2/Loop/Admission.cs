using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Metrics;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Counts a listener's connections, in all and by address, and says when it is enough. Nothing of a client is
/// kept or computed before it was asked.</summary>
/// <remarks>Between any two calls: a connection that has started and not ended is in the entry of its first address, and
/// an address without connections has none; so the table is bounded by the connections.</remarks>
internal sealed class Admission(Ngtcp2Options options, TransportMetrics metrics)
{
    private readonly Dictionary<AddressKey, Counts> _byAddress = [];

    /// <summary>Connections whose handshake is not complete.</summary>
    public int HalfOpen { get; private set; }

    /// <summary>Addresses that have connections.</summary>
    public int Addresses => _byAddress.Count;

    /// <summary>Whether a further client has to prove its address first.</summary>
    public bool MustProveAddress => options.Retry switch
    {
        RetryPolicy.Always => true,
        RetryPolicy.Never => false,
        _ => HalfOpen >= options.RetryMark,
    };

    /// <summary>Null when a further connection from there may start.</summary>
    public RefusalReason? Refusal(AddressKey address)
    {
        if (HalfOpen >= options.MaxHalfOpen) return RefusalReason.HalfOpen;
        if (!_byAddress.TryGetValue(address, out var counts)) return null;
        if (options.MaxConnectionsPerAddress > 0 && counts.All >= options.MaxConnectionsPerAddress)
            return RefusalReason.ConnectionsPerAddress;
        return options.MaxHalfOpenPerAddress > 0 && counts.HalfOpen >= options.MaxHalfOpenPerAddress
            ? RefusalReason.HalfOpenPerAddress
            : null;
    }

    public void Started(AddressKey address)
    {
        HalfOpen++;
        metrics.HalfOpened(1);
        ref var counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_byAddress, address, out _);
        counts.HalfOpen++;
        counts.All++;
    }

    /// <summary>Its handshake is complete.</summary>
    public void Completed(AddressKey address)
    {
        NotHalfOpen(address);
        metrics.Handshake(completed: true);
    }

    public void Ended(AddressKey address, bool completed)
    {
        if (!completed)
        {
            NotHalfOpen(address);
            metrics.Handshake(completed: false);
        }

        ref var counts = ref CollectionsMarshal.GetValueRefOrNullRef(_byAddress, address);
        if (--counts.All == 0) _byAddress.Remove(address);
    }

    private void NotHalfOpen(AddressKey address)
    {
        HalfOpen--;
        metrics.HalfOpened(-1);
        CollectionsMarshal.GetValueRefOrNullRef(_byAddress, address).HalfOpen--;
    }

    private struct Counts
    {
        public int HalfOpen;
        public int All;
    }
}
