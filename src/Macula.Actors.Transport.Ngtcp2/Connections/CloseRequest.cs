namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What the first caller of Close or Abort wants.</summary>
internal sealed record CloseRequest(long ErrorCode, string Reason, bool Orderly)
{
    public Failure Failure => Orderly ? Failure.LocallyClosed : Failure.LocallyAborted;

    public QuicClosed ToClosed() => new(
        Orderly ? QuicTransportError.None : QuicTransportError.OperationAborted, ErrorCode, ByPeer: false, Reason);
}
