using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Transport.Ngtcp2.Dialing;

internal static class Resolver
{
    /// <summary>The addresses, in the system's order of preference, and the host as the caller wrote it.</summary>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.ConnectionTimeout"/> when the name has
    /// no address.</exception>
    public static async ValueTask<(IPEndPoint[] Remotes, string Host)> Resolve(
        EndPoint endPoint, CancellationToken cancellationToken)
    {
        if (endPoint is IPEndPoint address) return ([address], address.Address.ToString());
        if (endPoint is not DnsEndPoint name)
            throw new QuicTransportException(
                QuicTransportError.InvalidConfiguration,
                $"EndPoint must be an IPEndPoint or a DnsEndPoint, not {endPoint.GetType().Name}");

        try
        {
            var found = await Dns.GetHostAddressesAsync(name.Host, name.AddressFamily, cancellationToken)
                .ConfigureAwait(false);
            if (found.Length > 0) return ([.. found.Select(ip => new IPEndPoint(ip, name.Port))], name.Host);
            throw NoAddress("it has no address", null);
        }
        catch (SocketException fault)
        {
            throw NoAddress(fault.Message, fault);
        }

        QuicTransportException NoAddress(string why, Exception? inner) =>
            new(QuicTransportError.ConnectionTimeout, $"{name.Host} cannot be resolved: {why}", inner: inner);
    }
}
