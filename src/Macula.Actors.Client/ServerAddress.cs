using System.Globalization;
using System.Net;

namespace Macula.Actors.Client;

/// <summary>Where a gateway is: reads <c>host</c>, <c>host:port</c>, <c>[IPv6]</c> and <c>[IPv6]:port</c>.</summary>
public static class ServerAddress
{
    public static bool TryParse(string text, out EndPoint endPoint)
    {
        endPoint = new IPEndPoint(IPAddress.None, 0);
        text = text.Trim();

        var hostEnd = text.StartsWith('[') ? text.IndexOf(']') + 1 : text.IndexOf(':');
        if (hostEnd < 0) hostEnd = text.Length;
        var (host, rest) = (text[..hostEnd].Trim('[', ']'), text[hostEnd..]);
        if (host.Length == 0) return false;

        var port = MaculaClientOptions.DefaultPort;
        if (rest.Length > 0 &&
            !(rest[0] == ':' &&
              int.TryParse(rest.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out port) &&
              port is > 0 and <= ushort.MaxValue))
            return false;

        if (IPAddress.TryParse(host, out var address))
            endPoint = new IPEndPoint(address, port);
        else if (Uri.CheckHostName(host) == UriHostNameType.Dns)
            endPoint = new DnsEndPoint(host, port);
        else
            return false;
        return true;
    }
}
