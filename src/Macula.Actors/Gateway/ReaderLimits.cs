namespace Macula.Actors.Gateway;

/// <summary>What a stream's reader accepts.</summary>
/// <param name="MaxConnectSize">Payload bytes of the first frame of a client.</param>
/// <param name="MaxFrameSize">Payload bytes of any other frame; an RPC_ROUTE may have
/// <see cref="Protocol.ProtocolLimits.MaxRouteOverhead"/> more.</param>
/// <param name="PeersAllowed">Whether streams without CONNECT are read, for the types that mesh peers send.</param>
internal sealed record ReaderLimits(int MaxConnectSize, int MaxFrameSize, bool PeersAllowed);
