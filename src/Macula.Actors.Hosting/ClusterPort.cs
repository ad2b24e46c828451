using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Hosting;

/// <summary>Looks whether the cluster's TCP port can be had. Akka finds out as well, but tells it in a page of stack
/// traces; a second node on one machine is common.</summary>
internal static class ClusterPort
{
    /// <exception cref="MaculaStartException">The port is taken, or the host is not an address of this machine.
    /// </exception>
    public static void Check(ClusterSettings settings)
    {
        try
        {
            using var listener = new TcpListener(Address(settings.Host), settings.Port);
            listener.Start();
        }
        catch (SocketException fault)
        {
            throw new MaculaStartException(
                $"the cluster cannot listen on TCP {settings.Host}:{settings.Port}: {fault.Message}; choose another " +
                "with macula.cluster.host and macula.cluster.port, where port 0 takes a free one", fault);
        }
    }

    private static IPAddress Address(string host) =>
        IPAddress.TryParse(host, out var address) ? address : Dns.GetHostAddresses(host)[0];
}
