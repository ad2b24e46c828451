using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Registry;

/// <summary>What is said to a <see cref="RegistryActor"/>, and what it says.</summary>
public static class RegistryProtocol
{
    /// <summary>A client was admitted: FIND_NODE may name it until its connection ends.</summary>
    public sealed record NodeSeen(
        IFrameSink Stream, NodeId Node, string Address, string Endpoint, FrameLease Lease) : ILocal, ILeased;

    /// <summary>STORE: puts or renews records under a key; a ttl of 0 withdraws. Answered to the stream's connection, and
    /// only when records were refused: <see cref="NotStored"/>.</summary>
    /// <param name="Sender">The client that sent it, or default for a mesh peer, whose records outlive its
    /// connection.</param>
    public sealed record Store(
        IFrameSink Stream, NodeId Sender, DhtKey Key, IReadOnlyList<StoredRecord> Records, FrameLease Lease)
        : ILocal, ILeased;

    /// <param name="Value">The record as it came, which is how it is handed out; owned, no slice of a frame.</param>
    /// <param name="At">When it came, in scheduler time: its lease counts from there.</param>
    public sealed record StoredRecord(ServiceRecord Record, RawValue Value, TimeSpan At);

    /// <summary>Told to the connection of <paramref name="Stream"/>, when records that it asked for were refused or their
    /// lease is over.</summary>
    public sealed record NotStored(
        IFrameSink Stream, DhtKey Key, IReadOnlyList<StoredRecord> Records) : IToConnection;

    /// <summary>What a client is and has stored, told to an actor that has restarted.</summary>
    public sealed record Resume(
        IFrameSink Stream, NodeId Node, string Address, string Endpoint,
        IReadOnlyList<(IFrameSink Stream, DhtKey Key, StoredRecord Record)> Records) : ILocal;

    /// <summary>FIND_VALUE: answered on the stream with FIND_VALUE_REPLY.</summary>
    public sealed record FindValue(IFrameSink Stream, FindValueMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>FIND_NODE: answered on the stream with FIND_NODE_REPLY.</summary>
    public sealed record FindNode(IFrameSink Stream, FindNodeMessage Message, FrameLease Lease) : ILocal, ILeased;

    /// <summary>Who provides a procedure on this node's clients? Answered <see cref="Providers"/>.</summary>
    public sealed record FindProviders(DhtKey Key, ulong Call, FrameLease Lease = default) : ILocal, ILeased;

    /// <param name="Live">Never changed after it was sent; the longest advertised first.</param>
    /// <param name="Turn">How often the service was asked for before.</param>
    public sealed record Providers(ulong Call, IReadOnlyList<Provider> Live, long Turn) : ILocal;

    /// <summary>A provider that can be called: where CALL frames for it go.</summary>
    public sealed record Provider(NodeId Node, IFrameSink Stream);

    /// <summary>The stream has ended: what was advertised on it goes. The end of its connection is watched.</summary>
    public sealed record StreamEnded(IFrameSink Stream) : ILocal;
}
