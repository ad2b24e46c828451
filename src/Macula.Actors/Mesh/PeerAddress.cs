using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Mesh;

/// <summary>Where a mesh peer listens.</summary>
/// <param name="Host">A lower-case name or an IP address, without brackets.</param>
/// <param name="Port">UDP, 1 to 65535.</param>
public sealed record PeerAddress(string Host, int Port)
{
    /// <summary>The port that is meant where none is said.</summary>
    public const int DefaultPort = 9443;

    private const string Scheme = "https://";
    private const int MaxLength = 512;

    /// <summary>What to dial.</summary>
    public EndPoint EndPoint =>
        IPAddress.TryParse(Host, out var address) ? new IPEndPoint(address, Port) : new DnsEndPoint(Host, Port);

    /// <summary>Reads <c>https://host:port</c>, <c>host:port</c>, <c>[::1]:port</c>, or a host alone; a trailing slash
    /// does not matter.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PeerAddress? address)
    {
        address = null;
        if (string.IsNullOrEmpty(text) || text.Length > MaxLength) return false;
        var rest = text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? text[Scheme.Length..] : text;
        rest = rest.TrimEnd('/');
        var isBracketed = rest.StartsWith('[');
        var end = isBracketed
            ? rest.IndexOf(']', StringComparison.Ordinal) + 1
            : rest.IndexOf(':', StringComparison.Ordinal);
        if (end == 0) return false;
        var host = (end < 0 ? rest : rest[..end]).ToLowerInvariant();
        var port = DefaultPort;
        if (end >= 0 && end < rest.Length && (rest[end] != ':' || !TryPort(rest[(end + 1)..], out port))) return false;

        if (isBracketed) host = host[1..^1];
        if (IPAddress.TryParse(host, out var ip))
        {
            if (isBracketed != (ip.AddressFamily == AddressFamily.InterNetworkV6)) return false;
            host = ip.ToString(); // one text for one address, or the same peer would look like one that has moved
        }
        else if (isBracketed || Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            return false;
        }

        address = new PeerAddress(host, port);
        return true;
    }

    public override string ToString() =>
        Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= ushort.MaxValue;
}
