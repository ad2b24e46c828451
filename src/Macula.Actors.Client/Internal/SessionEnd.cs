using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Client.Internal;

/// <summary>Why a session ended, as an exception and a decision.</summary>
/// <param name="Error">What those hear who need to know why.</param>
/// <param name="IsFinal">Whether connecting again would end the same way.</param>
/// <param name="RetryAfter">What the gateway asks to wait.</param>
internal sealed record SessionEnd(MaculaException Error, bool IsFinal, TimeSpan? RetryAfter = null)
{
    /// <summary>This side is done.</summary>
    public static SessionEnd ByUs { get; } = new(
        new MaculaConnectionException(MaculaErrorCodes.Closed, "the client has been closed"),
        IsFinal: true);

    /// <summary>What operations in flight fail with.</summary>
    public MaculaCallException ForCall() => new(
        MaculaErrorCodes.ConnectionLost,
        $"the connection ended before the reply came: {Error.Message}", Error);

    public static SessionEnd From(DisconnectMessage message) => Refused(
        message.Reason.ToString(), message.Message.ToString(),
        message.RetryAfter is { } ms ? TimeSpan.FromMilliseconds(ms) : null, null);

    /// <summary>The end of a connection that nobody announced on the stream.</summary>
    public static SessionEnd From(QuicClosed closed)
    {
        var reason = closed is { ByPeer: true, ErrorCode: { } code }
            ? DisconnectReasons.ByCode(code)
            : null;
        return reason is { } known
            ? Refused(known.Text(), closed.Reason, null, null)
            : Lost(closed.Reason.Length > 0 ? closed.Reason : closed.Error.ToString(), null);
    }

    public static SessionEnd From(QuicTransportException error)
    {
        var reason = error.ErrorCode is { } code ? DisconnectReasons.ByCode(code) : null;
        return reason is { } known && error.Error == QuicTransportError.ConnectionAborted
            ? Refused(known.Text(), error.Message, null, error)
            : Lost(error.Message, error);
    }

    public static SessionEnd Lost(string message, Exception? cause) => new(
        new MaculaConnectionException(MaculaErrorCodes.ConnectionLost, message, cause),
        IsFinal: false);

    /// <summary>An attempt that did not get as far as an answer. Never final: even what looks like a
    /// lack of this machine can pass, such as that of file descriptors.</summary>
    public static SessionEnd NotReached(string server, Exception cause) => new(
        new MaculaConnectionException(
            MaculaErrorCodes.ConnectFailed, $"cannot connect to {server}: {cause.Message}", cause),
        IsFinal: false);

    /// <summary>A fault of this library.</summary>
    public static SessionEnd Broken(Exception error) => new(
        new MaculaConnectionException(
            DisconnectReason.InternalError.Text(), $"the client failed: {error.Message}", error),
        IsFinal: true);

    private static SessionEnd Refused(
        string reason, string message, TimeSpan? retryAfter, Exception? cause)
    {
        var sentence = message.Length > 0 ? message : $"the gateway closed the connection: {reason}";
        return new SessionEnd(
            new MaculaRefusedException(reason, sentence, retryAfter, cause),
            DisconnectReasons.ByText(reason) is
                DisconnectReason.WrongRealm or
                DisconnectReason.MalformedConnect or
                DisconnectReason.SessionSuperseded or
                DisconnectReason.NotAuthorized,
            retryAfter);
    }
}
