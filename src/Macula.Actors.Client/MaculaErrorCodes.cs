using Macula.Actors.Protocol;

namespace Macula.Actors.Client;

/// <summary>Codes of <see cref="MaculaException"/> beside the gateway's reasons
/// (<see cref="DisconnectReasons"/>) and what handlers make up.</summary>
public static class MaculaErrorCodes
{
    /// <summary>The server could not be reached or did not answer CONNECT in time.</summary>
    public const string ConnectFailed = "connect_failed";

    /// <summary>There was no connection in time; nothing was sent.</summary>
    public const string NotConnected = "not_connected";

    /// <summary>The connection ended before the answer; whether a call ran, or a publication
    /// arrived, is not known.</summary>
    public const string ConnectionLost = "connection_lost";

    /// <summary>This client has been disposed or has given up.</summary>
    public const string Closed = "closed";

    /// <summary>The frame would be larger than <see cref="MaculaClientOptions.MaxFrameSize"/>.
    /// </summary>
    public const string FrameTooLarge = "frame_too_large";

    /// <summary>No answer within the deadline.</summary>
    public const string Timeout = ReplyErrorCodes.Timeout;

    /// <summary>A limit is reached, here, at the gateway or at the provider; try later.</summary>
    public const string Overloaded = ReplyErrorCodes.Overloaded;

    /// <summary>Nobody serves the procedure.</summary>
    public const string NoSuchProcedure = ReplyErrorCodes.NoSuchProcedure;

    /// <summary>The provider's handler failed.</summary>
    public const string HandlerError = ReplyErrorCodes.HandlerError;

    /// <summary>The provider went away before it answered.</summary>
    public const string ProviderGone = ReplyErrorCodes.ProviderGone;
}
