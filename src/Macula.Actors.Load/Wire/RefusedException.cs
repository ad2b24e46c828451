using Macula.Actors.Protocol;
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

    /// <summary>What to count a failed attempt under: the reason, or the transport's error.</summary>
    public static string Kind(Exception error) => error switch
    {
        RefusedException refused => refused.Reason,
        QuicTransportException fault => fault.Error.ToString(),
        _ => error.GetType().Name,
    };

    /// <summary>What to count the end of a connection under.</summary>
    public static string Kind(QuicClosed end) =>
        end.ErrorCode is { } code && DisconnectReasons.ByCode(code) is { } reason ? reason.Text() : end.Error.ToString();

    /// <summary>Whether an attempt failed for reasons that pass: refused, or lost on the way.</summary>
    public static bool Covers(Exception error) => error is RefusedException or QuicTransportException;
}
