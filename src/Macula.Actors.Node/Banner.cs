using System.Net;
using System.Text;
using Macula.Actors.Configuration;
using Macula.Actors.Hosting;

namespace Macula.Actors.Node;

/// <summary>What the operator sees first: what runs here, and what to try next.</summary>
internal static class Banner
{
    private const int StandardPort = 9443;

    public static string Of(MaculaNodeInfo node, MaculaSettings settings)
    {
        var text = new StringBuilder()
            .AppendLine($"Macula node, version {Version}")
            .AppendLine($"  listens on   {string.Join(", ", node.Listening.Select(at => $"UDP {at}"))}, ALPN macula")
            .AppendLine($"  transport    {node.ProviderReason}")
            .AppendLine($"  realm        {node.Realm}")
            .AppendLine($"  node id      {node.NodeId}")
            .AppendLine($"  certificate  {node.CertificateSource}")
            .AppendLine($"  fingerprint  {node.Fingerprint}")
            .AppendLine()
            .AppendLine("Try next, in other terminals:");
        foreach (var command in (string[])["ping", "sub 'home.*.temp'", "pub home.kitchen.temp 21.5"])
            text.AppendLine($"  ./build.sh macula {command}{Target(node, settings)}");
        return text.AppendLine("Ctrl-C stops the node.").ToString();
    }

    private static string Version => typeof(Banner).Assembly.GetName().Version!.ToString(3);

    // What the tool would not find by itself: it looks at the standard port, realm and data directory.
    private static string Target(MaculaNodeInfo node, MaculaSettings settings)
    {
        var at = node.Listening[0];
        var host = at.Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : at.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : at.Address;
        var isStandardAddress = at.Port == StandardPort && host.Equals(IPAddress.Loopback);
        var isStandardRealm = node.Realm == MaculaConfig.Reference.GetString("macula.realm");
        var isOwnCertificate = settings.Quic.CertificateFile.Length == 0
            && settings.Config.GetString("macula.data-directory").Length == 0;
        return (isStandardAddress ? "" : $" --node {new IPEndPoint(host, at.Port)}")
            + (isStandardRealm ? "" : $" --realm {node.Realm}")
            + (isOwnCertificate ? "" : $" --fingerprint {node.Fingerprint}");
    }
}
