using Macula.Actors.Configuration;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;

namespace Macula.Actors.Registry;

/// <summary>Which other nodes are known from the start, and where they reach this one. Part of the section
/// <c>macula.mesh</c>; defaults live in hocon/reference.conf.</summary>
public sealed record KnownPeersOptions
{
    private const int MaxPeers = 256;

    public required IReadOnlyList<RegistryProtocol.Peer> Peers { get; init; }

    /// <summary>How often a few peers are asked for others.</summary>
    public required TimeSpan RefreshInterval { get; init; }

    /// <summary>Where other nodes reach this one; null when they are not told.</summary>
    public required PeerAddress? Endpoint { get; init; }

    public static KnownPeersOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var peers = ReadPeers(reader);
        return new KnownPeersOptions
        {
            Peers = peers.Count > 0 ? peers : Array.Empty<RegistryProtocol.Peer>(), // settings without any are equal
            RefreshInterval = reader.Duration("refresh-interval", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            Endpoint = ReadEndpoint(reader),
        };
    }

    private static List<RegistryProtocol.Peer> ReadPeers(OptionsReader reader)
    {
        List<RegistryProtocol.Peer> peers = [];
        foreach (var text in reader.Texts("peers"))
        {
            var at = text.LastIndexOf('@');
            if (at > 0 && NodeId.TryParse(text[..at], out var node) && PeerAddress.TryParse(text[(at + 1)..], out var address)
                && peers.TrueForAll(peer => peer.Node != node))
                peers.Add(new RegistryProtocol.Peer(node, address));
            else
                reader.Fault("peers", text, "a list of node-id@host:port, each node once");
        }

        if (peers.Count > MaxPeers) reader.Fault("peers", $"{peers.Count} peers", $"at most {MaxPeers}");
        return peers;
    }

    private static PeerAddress? ReadEndpoint(OptionsReader reader)
    {
        var text = reader.Text("endpoint");
        if (PeerAddress.TryParse(text, out var endpoint) || text.Length == 0) return endpoint;
        reader.Fault("endpoint", text, "host:port where other nodes reach this one, or nothing");
        return null;
    }
}
