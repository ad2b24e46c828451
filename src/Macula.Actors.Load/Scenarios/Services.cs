using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>How procedures are advertised.</summary>
internal static class Services
{
    /// <summary>Of a lease, as long as a node grants by default.</summary>
    public const int Seconds = 300;

    /// <summary>Says that this client provides it.</summary>
    public static ValueTask AdvertiseAsync(LoadClient client, Utf8Text procedure) =>
        client.SendAsync(Store(procedure, client.Id));

    public static StoreMessage Store(Utf8Text procedure, NodeId provider) =>
        Store(procedure, provider, "https://127.0.0.1:9443", Seconds);

    /// <param name="ttl">Seconds; 0 withdraws.</param>
    public static StoreMessage Store(Utf8Text procedure, NodeId provider, Utf8Text endpoint, int ttl) => new(
        DhtKey.ForName(procedure).ToArray(),
        new ServiceRecord(provider, endpoint, Ttl: ttl, Procedure: procedure).Encode());
}
