namespace Macula.Actors.Client;

/// <summary>Something that a client was asked for did not happen.</summary>
/// <param name="code">Stable snake_case text, see <see cref="MaculaErrorCodes"/>.</param>
/// <param name="message">A sentence for people.</param>
/// <param name="inner">What caused it, if there is more to know.</param>
public abstract class MaculaException(string code, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>Stable snake_case text to decide by.</summary>
    public string Code { get; } = code;
}

/// <summary>There is no connection to the gateway, or it was lost on the way.</summary>
public sealed class MaculaConnectionException(string code, string message, Exception? inner = null)
    : MaculaException(code, message, inner);

/// <summary>The gateway said no, or sent this client away.</summary>
/// <remarks><see cref="MaculaException.Code"/> is the gateway's reason, such as
/// <c>wrong_realm</c> or <c>max_clients_reached</c>.</remarks>
public sealed class MaculaRefusedException(
    string reason, string message, TimeSpan? retryAfter = null, Exception? inner = null)
    : MaculaException(reason, message, inner)
{
    /// <summary>The gateway's reason, snake_case.</summary>
    public string Reason => Code;

    /// <summary>How long the gateway asks to wait before the next attempt, if it said so.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>A call failed. Thrown by a handler it is the caller's answer: the first 128 characters
/// of its code and 1,024 of its message.</summary>
/// <remarks>The codes of the gateway and of this library are in <see cref="MaculaErrorCodes"/>;
/// handlers may have their own.</remarks>
public sealed class MaculaCallException(string code, string message, Exception? inner = null)
    : MaculaException(code, message, inner);
