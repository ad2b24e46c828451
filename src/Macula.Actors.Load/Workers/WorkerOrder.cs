using System.Net;
using System.Text.Json;
using Macula.Actors.Load.Wire;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Workers;

/// <summary>What a worker process has to do: its first line of standard input, one JSON object.</summary>
/// <param name="EndPoint">The node, as host:port.</param>
/// <param name="Scenario">With the seed it gives the clients their ids.</param>
/// <param name="First">Number of the first client.</param>
/// <param name="Count">How many clients.</param>
/// <param name="Procedure">What each client calls, without waiting for the reply; null: they are idle.</param>
/// <param name="Calls">How many calls each client makes.</param>
internal sealed record WorkerOrder(
    string EndPoint, string Fingerprint, string Realm, string Quic, long Seed, string Scenario, int First, int Count,
    string? Procedure = null, int Calls = 0)
{
    public string ToJson() => JsonSerializer.Serialize(this);

    /// <exception cref="JsonException">The line is none.</exception>
    public static WorkerOrder Parse(string line) =>
        JsonSerializer.Deserialize<WorkerOrder>(line) ?? throw new JsonException("the order is null");

    public LoadTarget Target() => new(
        IPEndPoint.TryParse(EndPoint, out var address) ? address : Named(EndPoint), Realm, QuicTrust.Pinned(Fingerprint));

    private static DnsEndPoint Named(string text)
    {
        var colon = text.LastIndexOf(':');
        return new DnsEndPoint(text[..colon], int.Parse(text[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }
}
