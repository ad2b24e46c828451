using Macula.Actors.Transport;

namespace Macula.Actors.Load.Wire;

/// <summary>The node did not admit a client.</summary>
/// <param name="reason">As in its DISCONNECT, or as the close code says; <c>closed</c> without either.</param>
/// <param name="closeCode">The code of the QUIC close, once that has come.</param>
/// <param name="retryAfter">When to come again; null when the node did not say.</param>
internal sealed class RefusedException(string reason, long? closeCode, TimeSpan? retryAfter)
    : Exception($"refused: {reason}")
{
    public string Reason => reason;

    public long? CloseCode => closeCode;

    public TimeSpan? RetryAfter => retryAfter;

    /// <summary>Whether an attempt failed for reasons that pass: refused, or lost on the way.</summary>
    public static bool Covers(Exception error) => error is RefusedException or QuicTransportException;
}
