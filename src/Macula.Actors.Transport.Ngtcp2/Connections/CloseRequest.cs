namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What the first caller of Close or Abort wants.</summary>
internal sealed record CloseRequest(long ErrorCode, string Reason, bool Orderly)
{
    public QuicClosed ToClosed() => new(QuicTransportError.None, ErrorCode, ByPeer: false, Reason);
}
