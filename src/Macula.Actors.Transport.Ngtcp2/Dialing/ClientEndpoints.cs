using System.Net;
using System.Net.Sockets;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Dialing;

/// <summary>The client connections of a provider share one port per address family, opened when first needed and
/// closed after the last of them.</summary>
internal sealed class ClientEndpoints(Ngtcp2Options options, TransportMetrics metrics, ILogger log)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<AddressFamily, Endpoint> _endpoints = [];

    /// <summary>The endpoint, held for the caller, who must release it.</summary>
    public Endpoint Hold(AddressFamily family)
    {
        lock (_gate)
        {
            if (_endpoints.TryGetValue(family, out var known) && known.Group.TryHold()) return known;
            var any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            var group = LoopGroup.ForClients(any, options, metrics, log);
            group.TryHold();
            group.Start();
            var endpoint = group.Loops[0];
            _endpoints[family] = endpoint;
            return endpoint;
        }
    }
}
