using System.Text.Json.Serialization;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Fuzz.Churn;

/// <summary>What the server holds when it has nothing to do and has given back all memory that it can.</summary>
/// <param name="Resident">Bytes of its resident set.</param>
/// <param name="Managed">Bytes of live managed objects.</param>
/// <param name="Handles">Open file descriptors.</param>
/// <param name="Connections">Native connections, and so clients.</param>
/// <param name="Streams">Of these connections.</param>
/// <param name="Tombstones">Closed connections that it still remembers.</param>
internal sealed record Holdings(
    long Resident, long Managed, int Handles, long Connections, long Streams, long Tombstones)
{
    /// <summary>Bytes: libraries, code, threads, and all that libngtcp2 and GnuTLS have allocated.</summary>
    [JsonIgnore]
    public long Native => Resident - Managed;

    /// <summary>Of this process, now.</summary>
    /// <param name="provider">The only one.</param>
    public static Holdings Take(Ngtcp2Provider provider)
    {
        SettledMemory.Settle();
        return new(
            Environment.WorkingSet, GC.GetTotalMemory(forceFullCollection: false),
            Directory.GetFiles("/proc/self/fd").Length, Counters.NativeConnections, Counters.Streams, provider.Metrics.Closing);
    }
}
