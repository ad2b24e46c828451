using Macula.Actors.Memory;
using Macula.Actors.Mesh;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>What a node needs of the machine that it runs on, and of its network.</summary>
/// <param name="Listen">An entry per address, at least one.</param>
/// <param name="Dial">How to connect to a mesh peer at an address.</param>
/// <param name="Memory">What the memory guard goes by.</param>
public sealed record NodeEdge(
    IQuicProvider Provider, IReadOnlyList<QuicListenOptions> Listen, Func<PeerAddress, QuicConnectOptions> Dial,
    IMemorySource Memory);
