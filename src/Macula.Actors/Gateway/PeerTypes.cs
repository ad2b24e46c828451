using Macula.Actors.Protocol;

namespace Macula.Actors.Gateway;

/// <summary>The frame types that mesh peers send on a stream of their own, without CONNECT (docs/wire.md).</summary>
internal static class PeerTypes
{
    public static bool Contains(FrameType type) => type is
        FrameType.RpcRoute or FrameType.FindNode or FrameType.FindValue or FrameType.Store or FrameType.Ping;
}
